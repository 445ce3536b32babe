"""Runs of the small application, and what is seen of them."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cloud.conftest import Cloud

APP = Path(__file__).with_name("small_app.py")


def wait_until(holds: Callable[[], bool], timeout: float = 120.0) -> None:
    until = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.1)


def names(cloud: Cloud, folder: str = "/") -> set[str]:
    listed = json.loads(cloud.modal("volume", "ls", "things", folder, "--json").stdout)
    return {entry["filename"] for entry in listed}


def hows(cloud: Cloud, function: str) -> list[str]:
    return [attempt["how"] for attempt in cloud.state()["attempts"] if attempt["function"] == function]


def containers(cloud: Cloud) -> list[dict[str, Any]]:
    return list(cloud.state()["containers"].values())


def run(cloud: Cloud, what: str, *arguments: str) -> str:
    return cloud.modal("run", f"{APP}::{what}", *arguments).stdout


def told(output: str, word: str) -> object:
    """What the application printed after a word."""
    return ast.literal_eval(next(line for line in output.splitlines() if line.startswith(f"{word} "))[len(word) + 1 :])


def python(cloud: Cloud, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=cloud.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
