"""Two processes train as one: the same losses, and the same bits when they have been killed and gone on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from nsm.data.packed import PackedGraphs
from nsm.runs import Run
from nsm.training import Callback, StepRecord, Trainer
from nsm.training.checkpoints import load_checkpoint
from nsm.training.device import open_fabric
from nsm.training.processes import Processes
from tests.training import several_processes
from tests.training.test_state import same
from tests.training.toy_graphs import SMALL, toy_trainer

ROOT = Path(__file__).resolve().parents[2]
PLANNING = SMALL.planning.model_copy(update={"graphs": 120, "allow_leaks": True})
CONFIG = SMALL.model_copy(
    update={"epochs": 4, "average_share": 0.25, "planning": PLANNING, "run": "together"}
)  # 20 steps


def torchrun(processes: int, *arguments: object) -> int:
    """Lets several processes train; returns the exit status."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    script = ["-m", several_processes.__name__, *map(str, arguments)]
    with subprocess.Popen([*command, *script], cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            return process.wait(timeout=240)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise


def losses(log: Path) -> dict[int, dict[str, Any]]:
    return {line["step"]: line for line in map(json.loads, log.read_text().splitlines())}


class Collect(Callback):
    """Collects the losses."""

    def __init__(self, found: list[float]) -> None:
        self.found = found

    def on_step(self, trainer: Trainer, record: StepRecord) -> None:
        del trainer
        self.found.append(record.loss)


def test_one_process_has_nobody_to_agree_with() -> None:
    processes = Processes(open_fabric(SMALL))
    assert (processes.rank, processes.count, processes.is_lead) == (0, 1, True)
    assert [processes.any(claim) for claim in (True, False)] == [True, False]
    assert processes.share("value") == "value"
    weight = torch.nn.Parameter(torch.ones(2))
    weight.grad = torch.full((2,), 3.0)
    assert processes.add_up([weight], {"loss": 0.1}) == {"loss": 0.1}
    assert weight.grad.tolist() == [3.0, 3.0]
    processes.wait()


def test_two_processes_train_as_one_and_go_on_after_a_kill(graphs: PackedGraphs, tmp_path: Path) -> None:
    """The losses of 20 steps are those of one process to 1e-5, as are the metrics of the validation."""
    alone: list[float] = []
    trainer = toy_trainer(graphs, tmp_path, Collect(alone), config=CONFIG)
    trainer.fit()

    files = {}
    for name in ("whole", "killed"):
        files[name] = tmp_path / f"{name}.toml"
        root = {"root": tmp_path / name, "cache": tmp_path / "data"}
        files[name].write_text(CONFIG.model_copy(update=root).to_toml())
    assert torchrun(2, tmp_path / "whole.log", 0, files["whole"]) == 0
    together = losses(tmp_path / "whole.log")
    assert list(together) == list(range(1, 21))
    assert [one["graphs"] for one in together.values()] == [16, 16, 16, 16, 8] * 4
    assert [one["loss"] for one in together.values()] == pytest.approx(alone, abs=1e-5)
    whole = Run(tmp_path / "whole" / "planning" / "runs" / "together")
    for line, record in zip(whole.read_history(), trainer.history, strict=True):
        assert line["metrics"] == pytest.approx(record.metrics, abs=1e-4)

    killed = Run(tmp_path / "killed" / "planning" / "runs" / "together")
    assert torchrun(2, tmp_path / "killed.log", 13, files["killed"]) != 0
    assert len(killed.read_history()) == 2
    assert torchrun(2, tmp_path / "killed.log", 0, "--resume", killed.folder) == 0
    assert losses(tmp_path / "killed.log") == together
    for one, two in zip(whole.checkpoints, killed.checkpoints, strict=True):
        expected, found = load_checkpoint(one), load_checkpoint(two)
        differing = {key for key in expected if not same(expected[key], found[key])}
        assert differing <= {"resources", "config"}
