"""How tests run the programs in ``benchmarks/``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def run_benchmark(program: str, results: Path, *arguments: str, status: int = 0) -> str:
    """What a program prints that writes its results into a folder."""
    return run_python(f"benchmarks/{program}.py", "--results", str(results), *arguments, status=status)


def run_python(*arguments: str, status: int = 0) -> str:
    """What Python prints where the modules of ``benchmarks/`` can be imported."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "benchmarks"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def read(file: Path) -> dict[str, Any]:
    """The figures of one training."""
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found
