"""What is told of torch and the GPUs, from reports of good and of broken machines."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NoReturn

import pytest

from nsm.diagnosis import accelerator
from nsm.diagnosis.accelerator import TorchReport, report_of_torch

TORCH = {"step": "torch", "version": "2.13.0", "cuda": "13.0", "threads": 4}
PROCESSOR = {"step": "processor", "exact": True}
NO_GPU = {"step": "gpus", "count": 0, "why": None}
ONE_GPU = {"step": "gpus", "count": 1, "why": None}
GPU = {"step": "gpu", "index": 0, "name": "H100", "capability": [9, 0], "compiled": ["sm_90"]}
MEMORY = {"step": "memory", "index": 0, "free": 70 * 2**30, "total": 80 * 2**30}
KERNEL = {"step": "kernel", "index": 0, "exact": True, "bf16": True}


def reported(*steps: dict[str, Any], failure: str | None = None) -> Future[TorchReport]:
    future: Future[TorchReport] = Future()
    future.set_result(TorchReport(list(steps), failure))
    return future


GOOD = reported(TORCH, PROCESSOR, ONE_GPU, GPU, MEMORY, KERNEL)
NO_TORCH = reported(failure="ModuleNotFoundError: No module named 'torch'")


def test_a_good_machine() -> None:
    assert accelerator.torch(GOOD)[0] == "ok"
    assert accelerator.cuda(GOOD) == ("ok", "1 of 1 GPUs compute correctly, the gradient included", None)
    assert accelerator.precision(GOOD)[:2] == ("ok", "GPU 0 (H100, 9.0): 32-true, 16-mixed, bf16-mixed, TF32")
    assert accelerator.gpu_memory(GOOD) == ("ok", "GPU 0: 70.0 of 80.0 GiB free", None)


@pytest.mark.parametrize(
    ("report", "status", "told"),
    [
        (NO_TORCH, "problem", "cannot be imported: ModuleNotFoundError: No module named 'torch'"),
        (reported(TORCH, failure="killed by signal 4"), "problem", "fails on the processor: killed by signal 4"),
        (reported(TORCH, {**PROCESSOR, "exact": False}), "problem", "computes wrongly on the processor"),
        (reported({**TORCH, "cuda": None}, PROCESSOR), "ok", "built for the processor only"),
    ],
)
def test_torch(report: Future[TorchReport], status: str, told: str) -> None:
    found, detail, remedy = accelerator.torch(report)
    assert (found, told in detail) == (status, True), detail
    assert (remedy is None) == (status == "ok")


@pytest.mark.parametrize(
    ("report", "has_driver", "status", "told", "mended_by"),
    [
        (NO_TORCH, True, "note", "not tried", "see torch"),
        (reported(TORCH, PROCESSOR, failure="no answer"), True, "problem", "looks for GPUs: no answer", "CUDA_VISIBLE"),
        (reported(TORCH, PROCESSOR, NO_GPU), False, "note", "training uses the processor", "driver"),
        (reported({**TORCH, "cuda": None}, PROCESSOR, NO_GPU), True, "note", "without CUDA", "pip install torch"),
        (
            reported(TORCH, PROCESSOR, {**NO_GPU, "why": "driver too old"}),
            True,
            "note",
            "torch finds no GPU (driver too old)",
            "restart the kernel",
        ),
        (
            reported(TORCH, PROCESSOR, ONE_GPU, GPU, MEMORY, failure="RuntimeError: no kernel image"),
            True,
            "problem",
            "GPU 0 (H100) cannot be computed on: RuntimeError: no kernel image",
            "accelerator=cpu",
        ),
        (
            reported(TORCH, PROCESSOR, ONE_GPU, failure="killed by signal 11"),
            True,
            "problem",
            "GPU 0 (of an unknown name) cannot be computed on: killed by signal 11",
            "accelerator=cpu",
        ),
        (
            reported(TORCH, PROCESSOR, ONE_GPU, GPU, MEMORY, {**KERNEL, "exact": False}),
            True,
            "problem",
            "compute wrongly: [0]",
            "broken",
        ),
    ],
)
def test_cuda(report: Future[TorchReport], has_driver: bool, status: str, told: str, mended_by: str) -> None:
    found, detail, remedy = accelerator.cuda(report, has_driver=has_driver)
    assert (found, told in detail) == (status, True), detail
    assert remedy is not None and mended_by in remedy


def test_precision_of_other_machines() -> None:
    assert accelerator.precision(NO_TORCH)[0] == "note"
    on_processor = accelerator.precision(reported(TORCH, PROCESSOR, NO_GPU))
    assert on_processor[0] == "ok" and "bf16-mixed" in on_processor[1]
    old = {**GPU, "name": "V100", "capability": [7, 0]}
    status, detail, remedy = accelerator.precision(reported(TORCH, PROCESSOR, ONE_GPU, old, {**KERNEL, "bf16": False}))
    assert status == "note"
    assert "no bf16-mixed, no TF32" in detail
    assert remedy is not None and "16-mixed" in remedy


def test_a_full_gpu() -> None:
    status, detail, remedy = accelerator.gpu_memory(reported({**MEMORY, "free": 2**30}))
    assert (status, detail) == ("note", "GPU 0: 1.0 of 80.0 GiB free")
    assert remedy is not None and "batch_size" in remedy
    assert accelerator.gpu_memory(NO_TORCH)[0] == "ok"


def program(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_the_report_is_read_as_far_as_it_came() -> None:
    line = f"print({json.dumps(TORCH)!r}, flush=True)"
    assert report_of_torch(program(line)) == TorchReport([TORCH])
    assert report_of_torch(program(f"{line}; raise OSError('libcudart.so.13')")) == TorchReport(
        [TORCH], "OSError: libcudart.so.13"
    )
    killed = report_of_torch(program(f"{line}; import os; os.kill(os.getpid(), 9)"))
    assert killed == TorchReport([TORCH], "killed by signal 9")
    assert report_of_torch(program("raise SystemExit(3)")) == TorchReport([], "exit status 3")
    assert report_of_torch(program("print('{half')")) == TorchReport()


def test_a_report_that_hangs_is_given_up() -> None:
    hanging = report_of_torch(program("import time; time.sleep(600)"), timeout=0.1)
    assert hanging.failure == "no answer within 0.1 s"


def test_a_report_that_hangs_is_read_as_far_as_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(command: list[str], **_: Any) -> NoReturn:
        raise subprocess.TimeoutExpired(command, 120, output=json.dumps(TORCH).encode() + b'\n{"step": "gp')

    monkeypatch.setattr(subprocess, "run", hang)
    assert report_of_torch(program("")) == TorchReport([TORCH], "no answer within 120 s")


def test_the_real_report() -> None:
    report = report_of_torch()
    assert report.failure is None
    assert report.one("processor") == PROCESSOR


def smi(folder: Path, script: str) -> str:
    """A program in the place of nvidia-smi."""
    file = folder / "nvidia-smi"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return str(file)


def test_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str | None] = [None]
    monkeypatch.setattr(shutil, "which", lambda _: found[0])
    monkeypatch.setattr(accelerator, "DRIVER", tmp_path / "version")
    assert accelerator.driver()[0] == "note"
    (tmp_path / "version").write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.90.07  Fri\n")
    assert accelerator.driver() == ("ok", "driver 550.90.07", None)
    found[0] = smi(tmp_path, "echo 'H100, 550.90.07, 81559 MiB'")
    assert accelerator.driver() == ("ok", "H100, 550.90.07, 81559 MiB", None)
    found[0] = smi(tmp_path, "echo 'Driver/library version mismatch'; exit 18")
    status, detail, remedy = accelerator.driver()
    assert (status, detail) == ("note", "nvidia-smi fails: Driver/library version mismatch")
    assert remedy is not None and "reboot" in remedy
