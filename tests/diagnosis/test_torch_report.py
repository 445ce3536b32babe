"""What torch finds, told step by step."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import MagicMock

import pytest
import torch

from nsm.diagnosis import torch_report


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    torch_report.main()
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_on_the_processor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    about, processor, gpus = told(capsys)
    assert about["version"] == torch.__version__
    assert processor == {"step": "processor", "exact": True}
    assert gpus["count"] == 0


def test_why_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "init", MagicMock(side_effect=RuntimeError("driver too old\nsee there")))
    assert told(capsys)[-1] == {"step": "gpus", "count": 0, "why": "driver too old"}


def test_a_device_that_computes_wrongly(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(torch, "eye", lambda size, device: torch.ones(size, size, device=device))
    assert told(capsys)[1] == {"step": "processor", "exact": False}


@pytest.mark.needs_gpu
def test_on_each_gpu(capsys: pytest.CaptureFixture[str]) -> None:
    steps = told(capsys)
    kernels = [step for step in steps if step["step"] == "kernel"]
    assert len(kernels) == torch.cuda.device_count()
    assert all(kernel["exact"] for kernel in kernels)
    assert all(step["free"] <= step["total"] for step in steps if step["step"] == "memory")
