"""torch and the GPUs: driver, use, memory and precision."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nsm.diagnosis import torch_report
from nsm.diagnosis.check import Finding, note, ok, problem

__all__ = ["TorchReport", "cuda", "driver", "gpu_memory", "precision", "report_of_torch", "torch"]

DRIVER = Path("/proc/driver/nvidia/version")
MANY_SECONDS = 120
GIB = 2**30
LITTLE_GPU_MEMORY = 2 * GIB
ON_PROCESSOR = "train on the processor: --set accelerator=cpu"
WHOLE_INSTALLATION = "make setup, or reinstall it: pip install --force-reinstall -r requirements.lock"


@dataclass(frozen=True)
class TorchReport:
    """What `nsm.diagnosis.torch_report` said before it ended.

    Attributes:
        steps: What each step found, in order.
        failure: Why it ended early; None where it came to its end.
    """

    steps: list[dict[str, Any]] = field(default_factory=list)
    failure: str | None = None

    def all(self, step: str) -> list[dict[str, Any]]:
        """What the steps of one kind found, such as one for each GPU."""
        return [found for found in self.steps if found["step"] == step]

    def one(self, step: str) -> dict[str, Any] | None:
        """What a step found; None where it was not reached."""
        return next(iter(self.all(step)), None)


def report_of_torch(
    command: Sequence[str] = (sys.executable, "-P", torch_report.__file__), timeout: float = MANY_SECONDS
) -> TorchReport:
    """Runs the report as a program of its own, which may hang or be killed and takes nothing with it."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as slow:
        said = (slow.stdout or b"").decode(errors="replace")  # bytes here, whatever was asked for
        return TorchReport(_steps(said), f"no answer within {timeout:g} s")
    if done.returncode == 0:
        return TorchReport(_steps(done.stdout))
    last = (done.stderr.strip().splitlines() or [""])[-1]
    killed = f"killed by signal {-done.returncode}" if done.returncode < 0 else f"exit status {done.returncode}"
    return TorchReport(_steps(done.stdout), last or killed)


def _steps(printed: str) -> list[dict[str, Any]]:
    lines = [line for line in printed.splitlines() if line.startswith("{") and line.endswith("}")]
    return [json.loads(line) for line in lines]


def driver() -> Finding:
    """NVIDIA's driver, and what it says of its GPUs."""
    program = shutil.which("nvidia-smi")
    if program is not None:
        fields = "--query-gpu=name,driver_version,memory.total"
        command = [program, fields, "--format=csv,noheader"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        if done.returncode == 0 and done.stdout.strip():
            return ok("; ".join(done.stdout.strip().splitlines()))
        said = (done.stdout.strip() or done.stderr.strip() or f"exit status {done.returncode}").splitlines()[0]
        return note(f"nvidia-smi fails: {said}", "reboot, or install the driver again")
    if DRIVER.is_file():
        version = re.search(r"\d+\.\d+(\.\d+)?", DRIVER.read_text(encoding="utf-8", errors="replace"))
        return ok(f"driver {version[0] if version else 'of an unknown version'}")
    return note("no NVIDIA driver: there is no GPU to use here", "none is needed to train on the processor")


def torch(report: Future[TorchReport]) -> Finding:
    """Whether torch can be imported, and computes correctly on the processor."""
    found = report.result()
    about, computed = found.one("torch"), found.one("processor")
    if about is None:
        return problem(f"torch cannot be imported: {found.failure}", WHOLE_INSTALLATION)
    if computed is None:
        return problem(f"torch {about['version']} fails on the processor: {found.failure}", WHOLE_INSTALLATION)
    built = f"CUDA {about['cuda']}" if about["cuda"] else "the processor only"
    detail = f"torch {about['version']}, built for {built}"
    if not computed["exact"]:
        return problem(f"{detail}, computes wrongly on the processor", WHOLE_INSTALLATION)
    return ok(f"{detail}; computes correctly on the processor")


def cuda(report: Future[TorchReport], *, has_driver: bool | None = None) -> Finding:
    """Whether each GPU that torch sees computes something small correctly.

    Args:
        report: What torch said.
        has_driver: Whether there is an NVIDIA driver; looked for by default.
    """
    found = report.result()
    about, gpus = found.one("torch"), found.one("gpus")
    if about is None or found.one("processor") is None:
        return note("not tried, since torch does not work", "see torch")
    if gpus is None:
        return problem(f"torch fails while it looks for GPUs: {found.failure}", "CUDA_VISIBLE_DEVICES= nsm train ...")
    if not gpus["count"]:
        return _no_gpu(about, gpus["why"], shutil.which("nvidia-smi") is not None or DRIVER.is_file()
                       if has_driver is None else has_driver)  # fmt: skip
    kernels = found.all("kernel")
    if len(kernels) < gpus["count"]:
        names = [gpu["name"] for gpu in found.all("gpu")[len(kernels) :]] or ["of an unknown name"]
        detail = f"GPU {len(kernels)} ({names[0]}) cannot be computed on: {found.failure}"
        return problem(detail, f"restart the kernel or the machine; install a torch for this GPU; or {ON_PROCESSOR}")
    wrong = [kernel["index"] for kernel in kernels if not kernel["exact"]]
    if wrong:
        return problem(f"GPUs that compute wrongly: {wrong}", f"the hardware or its driver is broken; {ON_PROCESSOR}")
    return ok(f"{gpus['count']} of {gpus['count']} GPUs compute correctly, the gradient included")


def _no_gpu(about: dict[str, Any], why: str | None, has_driver: bool) -> Finding:
    if not has_driver:
        return note("no GPU: training uses the processor", "for a GPU: install NVIDIA's driver, or train in the cloud")
    if not about["cuda"]:
        return note("there is a driver, but this torch was built without CUDA", "pip install torch, without +cpu")
    said = f" ({why})" if why else ""
    remedy = "restart the kernel; look at CUDA_VISIBLE_DEVICES and nvidia-smi; the driver may be too old for this torch"
    return note(f"there is a driver, but torch finds no GPU{said}: training uses the processor", remedy)


def precision(report: Future[TorchReport]) -> Finding:
    """Which ``precision`` each device can have."""
    found = report.result()
    gpus, kernels = found.all("gpu"), found.all("kernel")
    if found.one("processor") is None:
        return note("not known, since torch does not work", "see torch")
    if not gpus:
        return ok("on the processor: 32-true and bf16-mixed; 16-mixed and TF32 need a GPU")
    parts, is_old = [], False
    for gpu, kernel in zip(gpus, kernels, strict=False):
        is_old |= gpu["capability"] < [8, 0]
        tensor_float = "TF32" if gpu["capability"] >= [8, 0] else "no TF32"
        bfloat = "bf16-mixed" if kernel["bf16"] else "no bf16-mixed"
        number = ".".join(map(str, gpu["capability"]))
        parts.append(f"GPU {gpu['index']} ({gpu['name']}, {number}): 32-true, 16-mixed, {bfloat}, {tensor_float}")
    detail = "; ".join(parts) or "no GPU computes"
    return note(detail, "to train faster: --set precision=16-mixed") if is_old else ok(detail)


def gpu_memory(report: Future[TorchReport]) -> Finding:
    """How much memory of each GPU is free."""
    memories = report.result().all("memory")
    if not memories:
        return ok("no GPU in use")
    detail = "; ".join(f"GPU {m['index']}: {m['free'] / GIB:.1f} of {m['total'] / GIB:.1f} GiB free" for m in memories)
    if all(memory["free"] >= LITTLE_GPU_MEMORY for memory in memories):
        return ok(detail)
    remedy = "nvidia-smi shows who uses it: restart their kernels; or a smaller batch: --set batch_size=16"
    return note(detail, remedy)
