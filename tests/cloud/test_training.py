from __future__ import annotations

import json
import math
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from nsm.cloud import training as module
from nsm.cloud.attempts import read_attempts
from nsm.cloud.orders import Order
from nsm.cloud.storage import StorageError
from nsm.cloud.training import MARGIN, OutOfTime, perform
from nsm.config import Config
from nsm.errors import NSMError
from nsm.training import Callback, Trainer
from nsm.training.records import EpochRecord
from tests.cloud.end_to_end.launches import differences
from tests.cloud.memory import FakeVolume
from tests.pipeline.conftest import _toy_domain, toy_config

__all__ = ["_toy_domain", "toy_config"]

Perform = Callable[..., dict[str, Any]]


class Trouble(Callback):
    """Does something after an epoch."""

    def __init__(self, epoch: int, act: Callable[[], object]) -> None:
        self._epoch, self._act = epoch, act

    def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
        del trainer
        if record.epoch == self._epoch:
            self._act()


def boom() -> None:
    raise RuntimeError("boom")


@pytest.fixture
def order(toy_config: Config) -> Order:
    config = toy_config.model_copy(update={"root": None, "cache": None, "epochs": 3, "accelerator": "cpu"})
    return Order("planning", "night", config.to_toml(), ("L4", "H100"))


@pytest.fixture
def ordered(order: Order, tmp_path: Path) -> Perform:
    """Performs the order on a volume of its own."""

    def run(
        *callbacks: Callback, root: str = "volume", seconds: float = 1e6, call: str = "", **changes: Any
    ) -> dict[str, Any]:
        asked = Order.from_json(order.to_json() | changes)
        how = {"seconds": seconds, "callbacks": callbacks, "commit_seconds": 0.0, "call": call}
        return perform(asked, FakeVolume(), root=tmp_path / root, **how)

    return run


def test_an_order_becomes_a_run_with_its_evaluation(ordered: Perform, tmp_path: Path) -> None:
    told = ordered()
    json.dumps(told)
    run = tmp_path / "volume" / "planning" / "runs" / "night"
    assert told["state"] == "finished" and told["why"] is None
    assert {"accuracy", "accuracy_low", "majority", "per_class", "confusion", "epochs", "best_epoch"} <= told[
        "figures"
    ].keys()
    assert (run / "final_results.json").is_file() and (tmp_path / "volume" / "planning" / "best_model.pt").is_file()
    assert [path.is_dir() for path in (tmp_path / "volume" / "data").glob("planning-*[!n]")] == [True]
    (attempt,) = told["attempts"]
    assert (attempt["ended"], attempt["gpu"], attempt["step"]) == ("finished", "L4", 0)


def test_the_mount_is_brought_up_to_date_first_and_committed_last(order: Order, tmp_path: Path) -> None:
    events: list[str] = []

    class Telling(FakeVolume):
        def commit(self) -> None:
            events.append("commit")

        def reload(self) -> None:
            events.append("reload")

    perform(order, Telling(), seconds=1e6, root=tmp_path)
    assert events[0] == "reload" and events[-1] == "commit" and events.count("commit") >= 3


@pytest.mark.parametrize(
    ("trouble", "raised", "ended"),
    [
        (boom, RuntimeError, "failed"),
        (lambda: signal.raise_signal(signal.SIGTERM), KeyboardInterrupt, "stopped"),
        (lambda: signal.raise_signal(signal.SIGINT), KeyboardInterrupt, "stopped"),
    ],
    ids=["error", "SIGTERM", "SIGINT"],
)
def test_the_next_attempt_goes_on_to_the_same_bits(
    ordered: Perform, tmp_path: Path, trouble: Callable[[], object], raised: type[BaseException], ended: str
) -> None:
    ordered(root="alone")
    with pytest.raises(raised):
        ordered(Trouble(2, trouble))
    told = ordered()
    assert [one["ended"] for one in told["attempts"]] == [ended, "finished"]
    assert told["attempts"][1]["step"] > 0
    runs = [tmp_path / root / "planning" / "runs" / "night" for root in ("alone", "volume")]
    assert differences(runs[0] / "last.pt", runs[1] / "last.pt") == []


def test_out_of_time_asks_for_the_next_attempt(ordered: Perform) -> None:
    with pytest.raises(OutOfTime, match="the time of this attempt is up after 0 epochs"):
        ordered(seconds=1e-9)
    assert [one["ended"] for one in ordered()["attempts"]] == ["out of time", "finished"]


def test_a_mistake_is_told_and_not_tried_again(ordered: Perform) -> None:
    told = ordered(config='domain = "planning"\nepocs = 3\n')
    assert told["state"] == "failed" and "epocs" in told["why"] and told["figures"] == {}
    told = ordered(config='domain = "causal"\n')
    assert "expected planning, got causal" in told["why"]


def test_a_run_that_is_there_goes_on_only_with_its_own_settings(ordered: Perform, order: Order) -> None:
    ordered()
    told = ordered(config=order.config.replace("channels = ", "channels = 1"))
    assert told["state"] == "failed" and "the run is there with other settings: channels" in told["why"]
    longer = ordered(config=order.config.replace("epochs = 3", "epochs = 4"))
    assert longer["state"] == "finished" and longer["figures"]["epochs"] == 4


def test_attempts_that_come_no_further_are_given_up(ordered: Perform) -> None:
    class AtOnce(Callback):
        def on_step(self, *_: object) -> None:
            boom()

    for _ in range(2):
        with pytest.raises(RuntimeError, match="boom"):
            ordered(AtOnce())
    told = ordered(AtOnce())
    assert told["state"] == "failed"
    assert told["why"].startswith("RuntimeError: boom; 3 attempts came no further")


@pytest.mark.parametrize(("accelerator", "is_there"), [("gpu", False), ("auto", True)])
def test_a_gpu_that_is_there_or_insisted_on_has_to_work(
    ordered: Perform, order: Order, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, accelerator: str, is_there: bool
) -> None:
    monkeypatch.setattr(module, "_device", lambda: None)
    monkeypatch.setattr(module, "GPU_SIGNS", (tmp_path / "none", tmp_path if is_there else tmp_path / "none"))
    told = ordered(config=order.config.replace('accelerator = "cpu"', f'accelerator = "{accelerator}"'))
    assert told["state"] == "failed" and "no GPU that torch can use" in told["why"]


def test_where_there_is_none_the_processor_computes(
    ordered: Perform,
    order: Order,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(module, "_device", lambda: None)
    monkeypatch.setattr(module, "GPU_SIGNS", (tmp_path / "none",))
    told = ordered(config=order.config.replace('accelerator = "cpu"', 'accelerator = "auto"'))
    assert told["state"] == "finished"
    assert "there is no GPU in this container; its processor computes" in capsys.readouterr().out


class Broken(FakeVolume):
    """Refuses commits, as many times as told."""

    def __init__(self, times: float = math.inf, failure: type[NSMError] = StorageError) -> None:
        super().__init__()
        self.times, self.failure = times, failure

    def commit(self) -> None:
        if self.times > 0:
            self.times -= 1
            raise self.failure("no way through")
        super().commit()


def test_a_volume_that_is_out_of_order_is_left_to_the_next_attempt(order: Order, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no way through"):
        perform(order, Broken(), seconds=1e6, root=tmp_path)
    told = perform(order, FakeVolume(), seconds=1e6, root=tmp_path)
    assert told["state"] == "finished" and told["figures"]["epochs"] == 3
    with pytest.raises(RuntimeError, match="boom"):
        perform(order, Broken(), seconds=1e6, root=tmp_path / "other", callbacks=[Trouble(1, boom)])
    assert read_attempts(tmp_path / "other" / "launches" / "night" / "planning.json")[0].ended == "failed"


def test_the_last_commit_of_a_whole_training_is_left_to_the_next_attempt_too(
    order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = Broken(0)
    monkeypatch.setattr(module, "_promote", lambda *_: setattr(volume, "times", 1) or {})
    with pytest.raises(StorageError, match="no way through"):
        perform(order, volume, seconds=1e6, root=tmp_path)
    monkeypatch.undo()
    assert perform(order, volume, seconds=1e6, root=tmp_path)["state"] == "finished"


def test_two_calls_never_train_one_run(ordered: Perform, order: Order, tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []
    perform_other = partial(perform, order, FakeVolume(), seconds=1e6, root=tmp_path / "volume")
    told = ordered(Trouble(1, lambda: seen.append(perform_other(call="fc-2"))), call="fc-1")
    assert told["state"] == "finished" and [one["call"] for one in told["attempts"]] == ["fc-1"]
    assert seen[0]["state"] == "failed" and "call fc-1 trains this run" in seen[0]["why"]
    assert ordered(call="fc-3")["state"] == "finished"  # once that one has ended


def test_training_stops_well_before_the_end_of_its_time(
    order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = time.monotonic()
    for seconds, left in ((3600, MARGIN), (100, 40)):
        deadlines: list[float] = []
        monkeypatch.setattr(module, "_attempt", lambda work, to=deadlines: to.append(work.deadline) or {})
        perform(order, FakeVolume(), seconds=seconds, root=tmp_path / str(seconds))
        assert deadlines[0] - begun == pytest.approx(seconds - left, abs=20)
    assert MARGIN == 300
