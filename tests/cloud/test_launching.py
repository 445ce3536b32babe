from __future__ import annotations

import io
from collections.abc import Mapping

import pytest
from rich.console import Console

from nsm.cloud import launching
from nsm.cloud.launching import Desk, collect, launch, status
from nsm.cloud.ledger import read_launch
from nsm.cloud.orders import Order
from nsm.cloud.storage import Outcome
from nsm.errors import NSMError, RunError
from tests.cloud.memory import FakeCall, MemoryStorage

ORDERS = [Order("causal", "night", ""), Order("kg", "night", "")]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching.time, "sleep", lambda _: None)


def finished(domain: str) -> Outcome:
    return Outcome({"domain": domain, "run": "night", "state": "finished", "attempts": [], "figures": {}})


def desk(calls: Mapping[str, FakeCall]) -> Desk:
    """A desk whose calls are named by their domains."""
    return Desk(
        spawn=lambda order: calls[order.domain],
        find=lambda call_id: {call.call_id: call for call in calls.values()}[call_id],
        storage=MemoryStorage(),
        console=Console(file=io.StringIO(), width=200),
    )


def said(at: Desk) -> str:
    assert isinstance(at.console.file, io.StringIO)
    return at.console.file.getvalue()


def test_all_are_waited_for_and_the_calls_are_kept() -> None:
    at = desk({"causal": FakeCall([None, finished("causal")], "fc-1"), "kg": FakeCall([finished("kg")], "fc-2")})
    assert launch(at, ORDERS) == 0
    assert read_launch(at.storage, "night").calls == {"causal": "fc-1", "kg": "fc-2"}
    assert "call fc-1" in said(at) and "nsm fetch night" in said(at)


def test_one_failure_hides_no_other_and_is_an_exit_status() -> None:
    failing = Outcome({"domain": "causal", "run": "night", "state": "failed", "why": "a.tsv: no such file"})
    for outcome, why in ((failing, "a.tsv: no such file"), (Outcome(why="ValueError: boom"), "ValueError: boom")):
        at = desk({"causal": FakeCall([outcome]), "kg": FakeCall([None, None, finished("kg")])})
        assert launch(at, ORDERS) == launching.FAILED == 1
        assert f"failed: {why}" in said(at) and "kg         finished" in said(at)


def test_the_user_is_told_how_to_go_on() -> None:
    class Interrupted(FakeCall):
        def poll(self, seconds: float) -> Outcome | None:
            del seconds
            raise KeyboardInterrupt

    at = desk({"causal": Interrupted([None], "fc-1"), "kg": FakeCall([None], "fc-2")})
    with pytest.raises(KeyboardInterrupt):
        launch(at, ORDERS)
    assert "--domains causal,kg --run night" in said(at) and "--collect night" in said(at)
    assert read_launch(at.storage, "night").calls["kg"] == "fc-2"  # known before anything is waited for


def test_an_earlier_launch_is_collected() -> None:
    at = desk({"causal": FakeCall([finished("causal")], "fc-1"), "kg": FakeCall([finished("kg")], "fc-2")})
    launch(at, ORDERS)
    assert collect(at, "night") == 0
    assert said(at).count("run night  ") >= 2
    with pytest.raises(RunError, match="no launch is called 'day'"):
        collect(at, "day")


def test_a_look_waits_for_nothing() -> None:
    calls = {"a": FakeCall([None], "fc-1"), "b": FakeCall([finished("kg")], "fc-2")}
    at = desk(calls)
    assert status(at, ["fc-1", "fc-2"]) == 0
    assert "running" in said(at) and "finished" in said(at)
    assert status(desk({"c": FakeCall([Outcome(why="boom")], "fc-3")}), ["fc-3"]) == 1


def test_results_of_other_functions_are_refused() -> None:
    with pytest.raises(NSMError, match="expected what a training returns, got int"):
        status(desk({"a": FakeCall([Outcome(3)], "fc-1")}), ["fc-1"])
