"""Tests that need a part which a user may lack: run where it is present, otherwise said loudly.

A test that needs such a part carries the mark ``needs_<part>``. After the tests, what was skipped is listed
with the way to get it; with ``--fail-on-skip`` (as in ``.ci/run``) a skipped test fails the whole run. Only a
missing GPU and the right to mount disks are let pass, since no script can install them.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def _always() -> bool:
    return True


def _never() -> bool:
    return False


@dataclass(frozen=True)
class Part:
    """A part that some tests need.

    Attributes:
        is_present: Whether it is here.
        remedy: How to get it.
        is_installable: Whether it could be had here, so that ``--fail-on-skip`` insists on it.
    """

    is_present: Callable[[], bool]
    remedy: str
    is_installable: Callable[[], bool] = _always


def _has_planner() -> bool:
    return all(importlib.util.find_spec(name) is not None for name in ("unified_planning", "up_pyperplan"))


def _has_pykeen() -> bool:
    return any(metadata.distributions(name="pykeen"))


def _has_networks() -> bool:
    return importlib.util.find_spec("pgmpy") is not None


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _has_chromium() -> bool:
    return any(shutil.which(name) for name in BROWSERS)


@cache
def _can_mount() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        options = ("-t", "tmpfs", "-o", "size=64k", "tmpfs", folder)
        try:
            done = subprocess.run(["mount", *options], capture_output=True, check=False)
        except FileNotFoundError:
            return False
        if not done.returncode:
            subprocess.run(["umount", folder], check=True)
        return not done.returncode


@cache
def _can_isolate() -> bool:
    """Whether a process may have namespaces of its own and lay an overlay over this machine's files."""
    with tempfile.TemporaryDirectory() as folder:
        layers = f"lowerdir=/,upperdir={folder}/files,workdir={folder}/work"
        steps = (
            f"mount -t tmpfs tmpfs {folder}",
            f"mkdir {folder}/files {folder}/work {folder}/root",
            f"mount -t overlay overlay -o {layers} {folder}/root",
            f"mount -t proc proc {folder}/root/proc",
        )
        command = ["unshare", "--mount", "--pid", "--ipc", "--fork", "--", "/bin/sh", "-c", " && ".join(steps)]
        try:
            return not subprocess.run(command, capture_output=True, check=False).returncode
        except FileNotFoundError:
            return False


def _has_modal() -> bool:
    return importlib.util.find_spec("modal") is not None and shutil.which("openssl") is not None


def _can_imitate_modal() -> bool:
    return _has_modal() and _can_isolate()


PARTS = {
    "needs_planner": Part(_has_planner, "pip install -r requirements-dev.lock (the extra 'planner')"),
    "needs_pykeen": Part(_has_pykeen, "pip install -r requirements-dev.lock (the extra 'kg')"),
    "needs_networks": Part(_has_networks, "pip install -r requirements-dev.lock (the extra 'networks')"),
    "needs_shared": Part(SHARED.is_dir, "put the benchmark files into a folder 'shared' beside the clone"),
    "needs_chromium": Part(_has_chromium, "apt install chromium"),
    "needs_modal": Part(
        _can_imitate_modal,
        "pip install -r requirements-dev.lock (the extra 'cloud'), apt install openssl, and run as root where mounting "
        "is allowed",
        is_installable=_can_isolate,
    ),
    "needs_mount": Part(_can_mount, "run as root where mounting is allowed", is_installable=_never),
    "needs_gpu": Part(_has_gpu, "run on a machine with a CUDA device", is_installable=_never),
}


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of benchmark files beside the clone; for tests marked ``needs_shared``."""
    return SHARED


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fail-on-skip",
        action="store_true",
        help="fail if a test was skipped for want of a part that can be installed",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark, part in PARTS.items():
            if item.get_closest_marker(mark) and not part.is_present():
                item.add_marker(pytest.mark.skip(reason=f"{mark}: {part.remedy}"))


def _skipped(terminal: pytest.TerminalReporter) -> tuple[Counter[str], Counter[str]]:
    """The reasons of skipped tests, each with its number of tests: those to mend, and those let pass."""
    to_mend: Counter[str] = Counter()
    let_pass: Counter[str] = Counter()
    for report in terminal.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        marks = [mark for mark in PARTS if mark in report.keywords]
        excused = bool(marks) and not any(PARTS[mark].is_installable() for mark in marks)
        (let_pass if excused else to_mend)[reason.removeprefix("Skipped: ")] += 1
    return to_mend, let_pass


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for title, reasons in zip(("NOT TESTED", "NOT TESTED HERE"), _skipped(terminalreporter), strict=True):
        if reasons:
            terminalreporter.section(f"{title}: {reasons.total()} skipped", sep="!", red=True, bold=True)
            for reason, count in reasons.most_common():
                terminalreporter.line(f"{count} x {reason}", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    strict = session.config.getoption("--fail-on-skip") and not hasattr(session.config, "workerinput")
    if strict and terminal is not None and exitstatus == pytest.ExitCode.OK and _skipped(terminal)[0]:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
