"""Versions are compared with what was tested."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from nsm.diagnosis import versions

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_table_is_what_the_project_declares_and_locks() -> None:
    ranges = dict(re.fullmatch(r"([\w-]+)(.*)", line).groups() for line in PROJECT["dependencies"])  # type: ignore[union-attr,misc]
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8").lower()
    locked = dict(line.split("==") for line in lock.splitlines() if "==" in line)
    expected = {name: (allowed, locked[name]) for name, allowed in ranges.items()}
    assert expected == versions.PACKAGES, f"expected PACKAGES = {expected}"
    assert PROJECT["requires-python"] == f">={versions.PYTHONS[0]},<{versions.PYTHONS[1]}"


def test_extras_can_be_had() -> None:
    declared = {
        re.split(r"[<>=]", line)[0].replace("-", "_")
        for extra in ("kg", "planner", "networks")
        for line in PROJECT["optional-dependencies"][extra]
    }
    named = {module for modules, _ in versions.EXTRAS.values() for module in modules}
    assert declared <= named


def test_python(monkeypatch: pytest.MonkeyPatch) -> None:
    status, detail, remedy = versions.python()
    assert (status, remedy) == ("ok", None)
    assert sys.executable in detail
    for version in ((3, 10, 14), (3, 14, 0)):
        monkeypatch.setattr(sys, "version_info", version)
        status, detail, remedy = versions.python()
        assert status == "problem"
        assert f"Python {version[0]}.{version[1]}" in detail
        assert remedy is not None and "3.12" in remedy


def installed(monkeypatch: pytest.MonkeyPatch, **changes: str | None) -> None:
    """Every package in its tested release, but for some; None is a missing one."""
    present: dict[str, str | None] = {name: tested for name, (_, tested) in versions.PACKAGES.items()}
    present |= {name.replace("_", "-"): version for name, version in changes.items()}

    def version(name: str) -> str:
        if (found := present[name]) is None:
            raise metadata.PackageNotFoundError(name)
        return found

    monkeypatch.setattr(metadata, "version", version)


def test_packages_as_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, torch="2.13.0+cu130", jinja2="3.1.6.0")
    assert versions.packages()[0] == "ok"


@pytest.mark.parametrize(
    ("changes", "status", "told"),
    [
        ({"torch": None}, "problem", "torch is missing"),
        ({"torch": "2.8.1"}, "problem", "torch 2.8.1 is outside >=2.10,<3"),
        ({"torch": "3.0.0a1"}, "problem", "torch 3.0.0a1 is outside >=2.10,<3"),
        ({"torch": "2.10"}, "note", "torch 2.10 (tested: 2.13.0)"),
        ({"torch_geometric": "2.7.0", "rich": None}, "problem", "rich is missing"),
    ],
)
def test_packages_that_differ(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str | None], status: str, told: str
) -> None:
    installed(monkeypatch, **changes)
    found, detail, remedy = versions.packages()
    assert (found, told in detail) == (status, True), detail
    assert remedy is not None and "requirements.lock" in remedy


def test_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(versions.EXTRAS, "planner", (("json", "up_pyperplan_of_nowhere"), "plans"))
    assert versions.extra("planner") == (
        "note",
        "not installed, only needed for plans",
        "pip install up_pyperplan_of_nowhere",
    )
    monkeypatch.setitem(versions.EXTRAS, "planner", (("json",), "plans"))
    assert versions.extra("planner") == ("ok", "present: plans", None)
