"""Everything is looked at, whatever fails, and nothing is changed."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from nsm.diagnosis import Check, accelerator, diagnose, machine, storage, versions
from nsm.diagnosis.accelerator import TorchReport

NO_TORCH = TorchReport(failure="ModuleNotFoundError: No module named 'torch'")


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report at once, of a machine without torch."""
    monkeypatch.setattr(accelerator, "report_of_torch", lambda: NO_TORCH)


@pytest.mark.usefixtures("fast")
def test_everything_is_told_in_order(tmp_path: Path) -> None:
    checks = {check.name: check for check in diagnose(tmp_path / "root")}
    extras = [f"extra {name}" for name in versions.EXTRAS]
    assert [*checks] == [
        *("python", "packages", "driver", "torch", "cuda", "precision", "gpu memory"),
        *("memory", "threads", "shared memory", "limits", "signals"),
        *("root", "cache", "temporary files", "disk", "locking", "leftovers"),
        *extras,
    ]
    assert checks["torch"].status == "problem"
    assert str(tmp_path / "root" / "data") in checks["cache"].detail
    assert not [*tmp_path.iterdir()]
    assert all(check.status == "ok" or check.remedy for check in checks.values())


@pytest.mark.usefixtures("fast")
def test_every_probe_may_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> NoReturn:
        raise RuntimeError("broken on purpose")

    for module in (accelerator, machine, storage, versions):
        for name in module.__all__:
            thing = getattr(module, name)
            if callable(thing) and name not in ("TorchReport", "report_of_torch"):
                monkeypatch.setattr(module, name, fail)
    checks = diagnose(tmp_path)
    assert len(checks) == 18 + len(versions.EXTRAS)
    assert {check.detail for check in checks} == {"could not be looked at: RuntimeError: broken on purpose"}


def test_torch_reports_even_if_it_cannot_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> NoReturn:
        raise PermissionError("no program may be started")

    monkeypatch.setattr(accelerator, "report_of_torch", fail)
    checks = {check.name: check for check in diagnose(tmp_path)}
    assert checks["root"].status == "ok"
    assert checks["torch"] == Check(
        "torch",
        "note",
        "could not be looked at: PermissionError: no program may be started",
        "tell the authors, with what this command printed",
    )
