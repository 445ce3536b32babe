"""Whatever ends a container, the training goes on in the next one, to the same bits as one that was left alone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cloud.conftest import LONG as PATIENCE
from tests.cloud.conftest import Client, Cloud
from tests.cloud.end_to_end.launches import (
    EPOCHS,
    LONG,
    PRODUCTION,
    ROOT,
    TROUBLED,
    VOLUME,
    differences,
    pairs,
    written,
)

pytestmark = pytest.mark.needs_modal
EPOCH = f"causal: epoch {{}} of {EPOCHS}"


@pytest.fixture(scope="module")
def settings(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """A training of many short epochs that commits after each of them."""
    cloud.environment |= {"NSM_COMMIT_SECONDS": "1", "PYTHONPATH": str(ROOT)}
    return ("--config", str(written(tmp_path_factory.mktemp("settings"))), "--set", pairs(LONG))


@pytest.fixture(scope="module")
def alone(cloud: Cloud, settings: tuple[str, ...]) -> str:
    """A run that nothing interrupts."""
    cloud.modal("run", str(PRODUCTION), "--domains", "causal", "--run", "alone", *settings)
    return "alone"


def start(cloud: Cloud, settings: tuple[str, ...], run: str, *flags: str) -> Client:
    return cloud.start("run", *flags, str(PRODUCTION), "--domains", "causal", "--run", run, *settings)


def compare(cloud: Cloud, run: str, other: str) -> None:
    runs = cloud.volume(VOLUME) / "causal" / "runs"
    for name in ("last.pt", "best_model.pt"):
        assert differences(runs / run / name, runs / other / name) == []
    epochs = [json.loads(line)["epoch"] for line in (runs / run / "history.jsonl").read_text().splitlines()]
    assert epochs == list(range(1, EPOCHS + 1))


def ends(cloud: Cloud, run: str) -> list[str]:
    file = cloud.volume(VOLUME) / "launches" / run / "causal.json"
    return [attempt["ended"] for attempt in json.loads(file.read_text())]


def test_preempted_twice(cloud: Cloud, settings: tuple[str, ...], alone: str) -> None:
    client = start(cloud, settings, "preempted")
    client.wait_for(EPOCH.format(4))
    assert cloud.preempt()
    client.wait_for("causal: run preempted goes on")
    client.wait_for(EPOCH.format(9))
    assert cloud.preempt()
    assert client.wait() == 0, client.output
    assert ends(cloud, "preempted") == ["stopped", "stopped", "finished"]
    assert len(re.findall(EPOCH.format(2) + ":", client.output)) == 1  # it did not start over
    compare(cloud, "preempted", alone)


def test_out_of_time_then_an_error_then_hanging(
    cloud: Cloud, settings: tuple[str, ...], alone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cloud.environment, "NSM_TIMEOUT", "30")
    client = cloud.start("run", str(TROUBLED), "--config", settings[1], "--run", "troubled", "--overrides", settings[3])
    assert client.wait(2 * PATIENCE) == 0, client.output
    assert "finished ['out of time', 'failed', 'running', 'finished']" in client.output
    assert "trouble in the second attempt" in client.output
    for epoch in (2, 4, 9, 15):
        assert len(re.findall(EPOCH.format(epoch) + ":", client.output)) == 1, f"epoch {epoch} was trained again"
    compare(cloud, "troubled", alone)


def test_interrupted_by_the_user_and_gone_on_with(cloud: Cloud, settings: tuple[str, ...], alone: str) -> None:
    client = start(cloud, settings, "by_hand")
    client.wait_for(EPOCH.format(5))
    client.interrupt()
    assert client.wait() == 130
    again = next(line for line in client.output.splitlines() if line.startswith("  modal run "))
    assert "--domains causal" in again and settings[1] in again and again.endswith("--run by_hand")
    assert "causal: stopped; the run is saved" in client.output
    assert (cloud.volume(VOLUME) / "causal" / "runs" / "by_hand" / "last.pt").is_file()
    again = start(cloud, settings, "by_hand")
    assert again.wait() == 0, again.output
    assert "causal: run by_hand goes on" in again.output
    assert EPOCH.format(2) not in again.output
    compare(cloud, "by_hand", alone)


def test_detached_it_goes_on_without_its_client(cloud: Cloud, settings: tuple[str, ...], alone: str) -> None:
    client = start(cloud, settings, "detached", "--detach")
    call = client.wait_for(r"call (fc-\S+)$")[1]
    client.wait_for(EPOCH.format(2))
    client.interrupt()
    client.wait()
    assert "the calls go on without this client" in client.output
    second = start(cloud, settings, "detached")
    assert second.wait() == 2 and f"causal: call {call} still trains run detached" in second.output
    status = cloud.modal("run", str(PRODUCTION), "--status", call)
    assert re.search(rf"^{call} .*running", status.stdout, re.MULTILINE), status.stdout
    collected = cloud.modal("run", str(PRODUCTION), "--collect", "detached")
    assert re.search(r"│ causal +│ finished", collected.stdout)
    compare(cloud, "detached", alone)


def test_a_run_goes_on_only_with_what_it_began_with(cloud: Cloud, settings: tuple[str, ...], alone: str) -> None:
    other = (*settings[:3], f"{settings[3]} lr=0.5")
    done = cloud.modal("run", str(PRODUCTION), "--domains", "causal", "--run", alone, *other, check=False)
    assert done.returncode == 1
    assert "the run is there with other settings: learning_rate" in done.stdout
    assert Path(cloud.volume(VOLUME) / "causal" / "runs" / alone / "best_model.pt").is_file()
