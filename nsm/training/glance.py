"""Checkpoints listed without opening those of runs: what they say stands in the run's history as well."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from nsm.runs import EPOCH_FILE
from nsm.training.inventory import CheckpointFile, by_run, describe_checkpoint, find_checkpoints

__all__ = ["glance"]

EPOCH = re.compile(rb'{"epoch": (\d+),')
VALIDATION = re.compile(rb'"(val_acc|val_loss)": ([^,}]+)')


def glance(folder: Path) -> list[CheckpointFile]:
    """Every checkpoint in a folder and below it, in milliseconds; whether those of runs are whole is not looked at.

    Files of no run, bare weights among them, are opened, and not again until they change.

    Raises:
        RunError: If there is no such folder.
    """
    found: list[CheckpointFile] = []
    histories: dict[Path, _History | None] = {}
    for path in find_checkpoints(folder):
        stat, home = path.stat(), path.parent
        if home not in histories:
            history = home / "history.jsonl"
            histories[home] = _History(history) if history.exists() else None
        known = histories[home]
        told = None if known is None else known.of(path)
        if told is None or not stat.st_size:
            found.append(_described(path, stat.st_mtime_ns, stat.st_size))
        else:
            found.append(describe_checkpoint(path, told))
    return by_run(found)


@lru_cache(maxsize=4096)
def _described(path: Path, changed: int, size: int) -> CheckpointFile:
    """The file as it was when it changed last and had this size."""
    del changed, size
    return describe_checkpoint(path)


class _History:
    """The lines of a history, of which no more is read than is asked for."""

    def __init__(self, path: Path) -> None:
        content = path.read_bytes()
        self._lines = content[: content.rfind(b"\n") + 1].split(b"\n")[:-1]

    def of(self, path: Path) -> dict[str, Any] | None:
        """What a checkpoint of the run says of itself; None for a file with a name of its own."""
        places = range(len(self._lines) - 1, -1, -1)
        if numbered := EPOCH_FILE.fullmatch(path.name):
            epoch = int(numbered[1])
            start = b'{"epoch": %d,' % epoch
            likely = [epoch - 1] if epoch <= len(self._lines) else []
            at = next((at for at in (*likely, *places) if self._lines[at].startswith(start)), None)
        elif path.name == "best_model.pt":
            at = next((at for at in places if b'"is_best": true' in self._lines[at]), None)
        elif path.name == "last.pt":
            at = next(iter(places), None)
        else:
            return None
        return {} if at is None else self._validated(at)

    def _validated(self, at: int) -> dict[str, Any]:
        """The epoch of a line, and the latest validation until then."""
        epoch = EPOCH.match(self._lines[at])
        told: dict[str, Any] = {"epoch": None if epoch is None else int(epoch[1])}
        for line in self._lines[at::-1]:
            if found := dict(VALIDATION.findall(line)):
                return told | {name.decode(): _number(value) for name, value in found.items()}
        return told


def _number(text: bytes) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
