from __future__ import annotations

import json
from pathlib import Path

import pytest

from nsm.cloud.announcing import announce, await_announcement, read_announcement, withdraw
from nsm.cloud.storage import Outcome
from nsm.errors import RunError
from tests.cloud.memory import FakeCall, FakeVolume, MemoryStorage


def test_an_announcement_is_committed_and_withdrawn(tmp_path: Path) -> None:
    volume, file = FakeVolume(), tmp_path / "sessions" / "s1.json"
    announce(tmp_path, "s1", volume, address="https://there/lab")
    assert volume.commits == 1 and json.loads(file.read_text()) == {"address": "https://there/lab"}
    withdraw(tmp_path, "s1")
    withdraw(tmp_path, "s1")
    assert not file.exists()


def test_it_is_waited_for() -> None:
    storage, waits = MemoryStorage(), []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            storage.write("sessions/s1.json", b'{"address"')  # half of it
        if len(waits) == 3:
            storage.write("sessions/s1.json", b'{"address": "https://there"}')

    facts = await_announcement(storage, "s1", FakeCall([None]), pause=0.5, wait=wait)
    assert facts == {"address": "https://there"} and waits == [0.5, 0.5, 0.5]
    assert read_announcement(storage, "s2") is None


@pytest.mark.parametrize("outcome", [Outcome(why="no GPU"), Outcome(value="no GPU")])
def test_a_container_that_ends_before_is_told(outcome: Outcome) -> None:
    with pytest.raises(RunError, match="the notebook's container has ended: no GPU"):
        await_announcement(MemoryStorage(), "s1", FakeCall([None, outcome]), wait=lambda _: None)
