"""Where a training computes."""

from __future__ import annotations

import pytest
import torch

from nsm.config import Config
from nsm.errors import ConfigError
from nsm.training.device import open_fabric, peak_memory_mib


def test_the_processor_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert open_fabric(Config()).device == torch.device("cpu")
    with pytest.raises(ConfigError, match="'gpu' was asked for"):
        open_fabric(Config(accelerator="gpu"))
    with pytest.raises(ConfigError, match="needs a GPU"):
        open_fabric(Config(precision="16-mixed"))


@pytest.mark.needs_gpu
def test_a_gpu_where_there_is_one() -> None:
    assert open_fabric(Config()).device.type == "cuda"
    assert open_fabric(Config(accelerator="cpu")).device.type == "cpu"


def test_memory_is_more_than_nothing_and_less_than_all() -> None:
    assert 10 < peak_memory_mib(torch.device("cpu")) < 1e6
