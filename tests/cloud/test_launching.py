from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pytest
from rich.console import Console

from nsm.cloud import launching
from nsm.cloud.launching import Desk, collect, launch, status
from nsm.cloud.ledger import Launch, read_launch, write_launch
from nsm.cloud.orders import Order
from nsm.cloud.storage import Outcome, UnknownCall
from nsm.errors import NSMError, RunError
from tests.cloud.memory import FakeCall, MemoryStorage

ORDERS = [Order("causal", "night", ""), Order("kg", "night", "")]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching.time, "sleep", lambda _: None)


def finished(domain: str) -> Outcome:
    return Outcome({"domain": domain, "run": "night", "state": "finished", "attempts": [], "figures": {}})


def desk(calls: Mapping[str, FakeCall], **how: Any) -> Desk:
    """A desk whose calls are named by their domains."""
    known = {"storage": MemoryStorage(), "again": "modal run train.py --run night --epochs 3", **how}
    return Desk(
        spawn=lambda order: calls[order.domain],
        find=lambda call_id: {call.call_id: call for call in calls.values()}[call_id],
        console=Console(file=io.StringIO(), width=200),
        **known,
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


class Interrupted(FakeCall):
    """A call at which Ctrl-C comes."""

    def poll(self, seconds: float) -> Outcome | None:
        del seconds
        raise KeyboardInterrupt


@pytest.mark.parametrize("is_detached", [False, True])
def test_the_user_is_told_what_goes_on(is_detached: bool) -> None:
    calls = {"causal": Interrupted([None], "fc-1"), "kg": FakeCall([None], "fc-2")}
    at = desk(calls, is_detached=is_detached)
    with pytest.raises(KeyboardInterrupt):
        launch(at, ORDERS)
    assert ("modal run train.py --run night --epochs 3" in said(at)) is not is_detached
    assert ("save their state and stop now" in said(at)) is not is_detached
    assert ("the calls go on without this client" in said(at)) is is_detached
    assert ("--status fc-1,fc-2" in said(at) and "--collect night" in said(at)) is is_detached
    assert read_launch(at.storage, "night").calls["kg"] == "fc-2"  # known before anything is waited for


def test_a_call_is_known_as_soon_as_it_runs() -> None:
    at = desk({"causal": FakeCall([None], "fc-1")})
    with pytest.raises(KeyError):  # the second one cannot be started
        launch(at, ORDERS)
    assert read_launch(at.storage, "night").calls == {"causal": "fc-1"}


def test_a_run_that_an_earlier_call_still_trains_is_refused() -> None:
    first = {"causal": FakeCall([finished("causal")], "fc-1"), "kg": FakeCall([finished("kg"), None], "fc-2")}
    at = desk(first)
    launch(at, ORDERS)
    write_launch(at.storage, Launch("night", {"kg": "fc-9"}))  # which has ended long ago
    later = {"old": first["kg"], "ended": FakeCall([finished("kg")], "fc-9"), "gone": first["causal"]}
    second = desk({**later, "causal": FakeCall([None], "fc-3"), "kg": FakeCall([None], "fc-4")}, storage=at.storage)
    with pytest.raises(RunError, match=r"kg: call fc-2 still trains run night \(wait for it with .* --collect night"):
        launch(second, ORDERS)
    assert said(second) == "" and read_launch(at.storage, "night").calls["causal"] == "fc-1"  # nothing was started


def test_a_run_whose_calls_have_ended_or_are_not_known_any_more_goes_on() -> None:
    at = desk({"causal": Unknown([None], "fc-1"), "kg": FakeCall([Outcome(why="stopped")], "fc-2")})
    write_launch(at.storage, Launch("night", {"causal": "fc-1", "kg": "fc-2"}))
    known = {"old": Unknown([None], "fc-1"), "older": FakeCall([Outcome(why="stopped")], "fc-2")}
    new = {"causal": FakeCall([finished("causal")], "fc-3"), "kg": FakeCall([finished("kg")], "fc-4")}
    assert launch(desk({**known, **new}, storage=at.storage), ORDERS) == 0


class Unknown(FakeCall):
    """A call that the cloud has forgotten."""

    def poll(self, seconds: float) -> Outcome | None:
        del seconds
        raise UnknownCall(f"no call {self.call_id}")


def test_a_forgotten_call_hides_no_other() -> None:
    at = desk({"causal": Unknown([None], "fc-1"), "kg": FakeCall([finished("kg")], "fc-2")})
    write_launch(at.storage, Launch("night", {"causal": "fc-1", "kg": "fc-2"}))
    assert collect(at, "night") == 1
    assert "failed: no call fc-1" in said(at) and "kg         finished" in said(at)
    with pytest.raises(UnknownCall, match="no call fc-1"):
        status(at, ["fc-1"])


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
