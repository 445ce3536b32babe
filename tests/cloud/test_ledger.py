from __future__ import annotations

import pytest

from nsm.cloud.ledger import Launch, earlier_calls, read_launch, write_launch
from nsm.errors import RunError
from tests.cloud.memory import MemoryStorage


def test_a_launch_is_found_again_by_its_name() -> None:
    storage = MemoryStorage()
    write_launch(storage, Launch("night", {"causal": "fc-1", "kg": "fc-2"}, "2026-08-01"))
    assert read_launch(storage, "night") == Launch("night", {"causal": "fc-1", "kg": "fc-2"}, "2026-08-01")


def test_a_domain_launched_again_keeps_its_earlier_calls() -> None:
    storage = MemoryStorage()
    assert earlier_calls(storage, "night", "kg") == []
    for calls in ({"causal": "fc-1", "kg": "fc-2"}, {"kg": "fc-3"}, {"kg": "fc-4"}, {"kg": "fc-4"}):
        write_launch(storage, Launch("night", calls))
    assert read_launch(storage, "night").calls == {"causal": "fc-1", "kg": "fc-4"}
    assert earlier_calls(storage, "night", "kg") == ["fc-4", "fc-3", "fc-2"]
    assert earlier_calls(storage, "night", "causal") == ["fc-1"]
    assert earlier_calls(storage, "night", "planning") == []


def test_what_is_not_there_names_what_is() -> None:
    storage = MemoryStorage()
    with pytest.raises(RunError, match="nothing has been launched yet"):
        read_launch(storage, "night")
    write_launch(storage, Launch("night", {}))
    storage.write("launches/night/causal.json", b"[]")  # the attempts of a run, no launch
    with pytest.raises(RunError, match=r"no launch is called 'day' \(the latest: night\)"):
        read_launch(storage, "day")
    with pytest.raises(RunError, match="no launch is called"):
        read_launch(storage, "../night")


def test_a_damaged_record_is_named() -> None:
    storage = MemoryStorage({"launches/night.json": b"{"})
    with pytest.raises(RunError, match=r"launches/night\.json: the record of the launch is damaged"):
        read_launch(storage, "night")
    with pytest.raises(RunError, match="damaged"):
        write_launch(storage, Launch("night", {"kg": "fc-1"}))
