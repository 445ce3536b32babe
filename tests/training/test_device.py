"""Where a training computes."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest
import torch

from nsm.config import Config
from nsm.errors import ConfigError
from nsm.training.device import arithmetic, describe_device, open_fabric, peak_memory_mib, process_count


def test_the_processor_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert open_fabric(Config()).device == torch.device("cpu")
    told = describe_device(torch.device("cpu"), Config(threads=2))
    assert told == "computing on the processor with 2 threads, 32-true (torch finds no GPU; see nsm doctor)"
    with pytest.raises(ConfigError, match="'gpu' was asked for"):
        open_fabric(Config(accelerator="gpu"))
    with pytest.raises(ConfigError, match="needs a GPU"):
        open_fabric(Config(precision="16-mixed"))


def test_what_fabric_says_of_itself_is_not_heard() -> None:
    assert open_fabric(Config(accelerator="cpu", precision="bf16-mixed")).device.type == "cpu"
    assert not logging.getLogger("lightning_fabric.utilities.rank_zero").isEnabledFor(logging.INFO)


FREED_AND_ASKED_FOR_AGAIN = """
import resource
import torch
from nsm.config import Config
from nsm.training.device import open_fabric
open_fabric(Config(accelerator="cpu"))
faults = []
for _ in range(10):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(64, 2**18)
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(min(faults))  # the system may take a page away in between, which is no fault of ours
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only GNU's C library is asked")
def test_freed_memory_is_used_again() -> None:
    """Without a page fault, of which new memory has one for each of its pages, 32 at least where they are huge."""
    command = [sys.executable, "-c", FREED_AND_ASKED_FOR_AGAIN]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 10


@pytest.mark.needs_gpu
def test_a_gpu_where_there_is_one() -> None:
    assert open_fabric(Config()).device.type == "cuda"
    told = describe_device(open_fabric(Config()).device, Config(precision="bf16-mixed", tf32=True))
    assert torch.cuda.get_device_name() in told and told.endswith("GiB, bf16-mixed, TensorFloat-32")
    assert open_fabric(Config(accelerator="cpu")).device.type == "cpu"


def test_memory_is_more_than_nothing_and_less_than_all() -> None:
    assert 10 < peak_memory_mib(torch.device("cpu")) < 1e6


def test_several_processes_are_started_by_torchrun() -> None:
    assert process_count() == 1
    with pytest.raises(ConfigError, match="2 are asked for, and there are 1") as caught:
        open_fabric(Config(devices=2, accelerator="cpu"))
    assert "torchrun --nproc-per-node=2 -m nsm train" in str(caught.value.hint)


def test_arithmetic_is_as_configured_and_then_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)

    def state() -> tuple[int, str, bool]:
        strict = torch.are_deterministic_algorithms_enabled()
        return torch.get_num_threads(), torch.get_float32_matmul_precision(), strict

    before = state()
    with arithmetic(Config(threads=2, tf32=True, deterministic=True)):
        assert state() == (2, "high", True)
    assert state() == before
    with pytest.raises(KeyError), arithmetic(Config(threads=2, tf32=True, deterministic=True)):
        raise KeyError
    assert state() == before
    with arithmetic(Config(threads=1)):
        assert state()[1:] == before[1:]
