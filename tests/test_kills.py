"""Trainings that are killed and stopped at random moments end bit for bit like one that was left alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_one_training_of_each_kind() -> None:
    """The benchmark of kills with one training of each kind instead of 210."""
    command = [sys.executable, "benchmarks/kill.py", "--runs", "1"]
    path = os.pathsep.join([str(ROOT), str(ROOT / "benchmarks"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    summary = re.match(
        r"6 trainings, stopped (\d+) times and resumed to the end: 0 differ", done.stdout.splitlines()[-1]
    )
    assert summary is not None, done.stdout
    assert int(summary[1]) >= 6
