"""A process that behaves like ``nsm train``, without anything that takes time."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import nsm

SCRIPT = """
import sys, time, tomllib
from pathlib import Path
from nsm.runs import Run, create_run, exclusive, write_json

how, path = sys.argv[3], Path(sys.argv[4])
print("planning: making graphs, 0 of 2", flush=True)
if how == "--config":
    settings = tomllib.loads(path.read_text())
    root, name = Path(settings["root"]), settings["run"]
    while not (root / "go").exists():
        time.sleep(0.01)
    if (root / "go").read_text() == "fail":
        print("Error: facts.tsv:7: expected 3 columns\\nHint: separate by tabs")
        sys.exit(2)
    run = create_run(root, "planning", name, path.read_text())
else:
    run = Run(path)
with exclusive(run):
    epoch = len(run.read_history()) + 1
    resources = {"seconds": 1.0, "graphs_per_second": 10.0, "memory_mib": 1.0}
    run.append_history({"epoch": epoch, "step": epoch, "metrics": {"val_acc": 0.5}, "is_best": True,
                        "alarms": [], "resources": resources})
    print(f"epoch {epoch}", flush=True)
    while not run.stop.exists():
        time.sleep(0.01)
    run.stop.unlink()
    run.last.write_bytes(b"state")
    write_json(run.training_history, {"epoch": list(range(1, epoch + 1)), "interrupted": True})
"""


def fake_launch(arguments: Sequence[str], *, into: IO[bytes]) -> subprocess.Popen[bytes]:
    """Stands for :func:`nsm.dashboard.child.launch`."""
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=into,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env={"PYTHONPATH": str(Path(nsm.__file__).parents[1])},
    )


def wait_until(is_true: Callable[[], bool], seconds: float = 60.0) -> None:
    """Waits for something that another process does."""
    limit = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < limit, "it never came about"
        time.sleep(0.02)
