from __future__ import annotations

from pathlib import Path

import torch

import nsm
from nsm.dashboard.machine import doctor, environment, memory


def test_the_environment_says_what_computes_and_where_runs_go(tmp_path: Path) -> None:
    told = dict(environment(str(tmp_path / "new")).rows)
    assert nsm.__version__ in told["NSM"]
    assert told["PyTorch"] == torch.__version__
    assert ("GiB" if torch.cuda.is_available() else "no GPU") in told["device"]
    assert told["runs"] == f"{tmp_path / 'new'} (made by the first run)"


def test_memory_is_that_of_this_process_and_of_each_gpu() -> None:
    (own, *gpus) = memory().to_json()
    assert 0 < own["in use"] < own["in all"] and 0 < own["free"] <= own["in all"]
    assert len(gpus) == torch.cuda.device_count()


def test_the_doctor_tells_problems_first(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    table = doctor(tmp_path / "file")
    assert table.column("status")[0] == "problem"
    assert "to solve before training" in table.title
    assert {"python", "memory", "disk", "extra notebook"} <= set(table.column("what"))
