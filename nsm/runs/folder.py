"""The run folder: the single source of truth that training appends to and every view reads."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nsm.errors import RunError
from nsm.runs.files import write_text

__all__ = [
    "EPOCH_FILE",
    "Run",
    "create_run",
    "discarding",
    "ensure_writable",
    "find_run",
    "list_runs",
    "new_run_name",
    "require_unused",
    "resolve_root",
]

EPOCH_FILE = re.compile(r"checkpoint_epoch_(\d+)\.pt")
"""The names of numbered checkpoints."""

CLOUD_ROOT = Path("/checkpoints")
"""Where a cloud volume with the runs is mounted."""


@dataclass(frozen=True)
class Run:
    """One run's folder, ``<root>/<domain>/runs/<name>``.

    Args:
        folder: The folder itself.
    """

    folder: Path

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.folder.name

    @property
    def config(self) -> Path:
        """What ran: the configuration, versions, seed, data fingerprint."""
        return self.folder / "config.toml"

    @property
    def history(self) -> Path:
        """One JSON line per epoch, only ever appended to."""
        return self.folder / "history.jsonl"

    @property
    def training_history(self) -> Path:
        """The metrics of all epochs, column by column, written at the end."""
        return self.folder / "training_history.json"

    @property
    def final_results(self) -> Path:
        """What the last evaluation found."""
        return self.folder / "final_results.json"

    @property
    def ranker(self) -> Path:
        """Weights of the link scorer of a knowledge graph's run."""
        return self.folder / "ranker.pt"

    @property
    def predictions(self) -> Path:
        """One row per evaluated graph."""
        return self.folder / "predictions.parquet"

    @property
    def report(self) -> Path:
        """The evaluation as a page to read."""
        return self.folder / "report.html"

    @property
    def best(self) -> Path:
        """The checkpoint with the best validation accuracy."""
        return self.folder / "best_model.pt"

    @property
    def last(self) -> Path:
        """The checkpoint with the latest state."""
        return self.folder / "last.pt"

    @property
    def lock(self) -> Path:
        """Held by the process that trains here."""
        return self.folder / ".lock"

    @property
    def stop(self) -> Path:
        """Whoever makes this file ends the training as Ctrl-C does; it is removed when that is done."""
        return self.folder / "stop"

    @property
    def figures(self) -> Path:
        """Folder of pictures."""
        return self.folder / "figures"

    @property
    def tensorboard(self) -> Path:
        """Folder of TensorBoard's event files."""
        return self.folder / "tb"

    def epoch_checkpoint(self, epoch: int) -> Path:
        """The numbered checkpoint of an epoch, such as ``checkpoint_epoch_0010.pt``."""
        return self.folder / f"checkpoint_epoch_{epoch:04d}.pt"

    def bad_batch(self, rank: int = 0) -> Path:
        """The batch at which the numbers stopped being finite, kept for inspection by the process of that rank."""
        return self.folder / (f"bad_batch_{rank}.pt" if rank else "bad_batch.pt")

    @property
    def checkpoints(self) -> list[Path]:
        """The checkpoints that there are: the last one, the best one, the numbered ones from new to old."""
        found = ((EPOCH_FILE.fullmatch(path.name), path) for path in self.folder.glob("checkpoint_epoch_*.pt"))
        numbered = sorted(((int(match[1]), path) for match, path in found if match), reverse=True)
        return [path for path in (self.last, self.best) if path.exists()] + [path for _, path in numbered]

    def append_history(self, record: Mapping[str, object]) -> None:
        """Appends one line to :attr:`history` and waits until it is on the disk."""
        with self.history.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record, allow_nan=False) + "\n")
            stream.flush()
            os.fsync(stream.fileno())

    @property
    def is_history_torn(self) -> bool:
        """Whether the last line has no end, since the process that wrote it died or the disk was full."""
        content = self.history.read_bytes() if self.history.exists() else b""
        return not content.endswith(b"\n") and content != b""

    def rewrite_history(self, records: Sequence[Mapping[str, object]]) -> None:
        """Makes the history these lines and no others, as a training does that goes on from a checkpoint."""
        text = "".join(json.dumps(record, allow_nan=False) + "\n" for record in records)
        if text or self.history.exists():
            write_text(self.history, text)

    def read_history(self) -> list[dict[str, Any]]:
        """The lines of :attr:`history`; none where there is no file yet.

        A last line without its end is one that was being written when the process died: it does not count.

        Raises:
            RunError: If a whole line is damaged.
        """
        if not self.history.exists():
            return []
        records: list[dict[str, Any]] = []
        *lines, _ = self.history.read_bytes().split(b"\n")
        for number, line in enumerate(lines, start=1):
            try:
                records.append(json.loads(line))
            except ValueError as error:
                hint = "delete the line, or train again"
                raise RunError("expected a JSON object", file=self.history, line=number, hint=hint) from error
        return records


def resolve_root(root: Path | None = None) -> Path:
    """The root of all runs: as given, ``$NSM_ROOT``, ``/checkpoints`` where it exists, ``./checkpoints``."""
    if root is not None:
        return root.expanduser()
    if named := os.environ.get("NSM_ROOT"):
        return Path(named).expanduser()
    return CLOUD_ROOT if CLOUD_ROOT.is_dir() else Path("checkpoints")


def ensure_writable(folder: Path, *, named_by: str = "--root or $NSM_ROOT") -> None:
    """Makes the folder where it is missing and tries a file in it.

    Args:
        folder: Where something is to be written.
        named_by: What the user names another folder with.

    Raises:
        RunError: If nothing can be written there.
    """
    hint = f"name another folder with {named_by}"
    if folder.is_file():
        raise RunError("cannot write here: expected a folder, came a file", file=folder, hint=hint)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as failure:
        raise RunError(f"cannot write here: {failure.strerror}", file=folder, hint=hint) from failure


def create_run(root: Path, domain: str, name: str | None = None, config: str | None = None) -> Run:
    """Makes a new run folder, named by the time and four random digits where no name is given.

    The folder appears with its configuration inside, so that whatever has a run's name can be gone on with.

    Args:
        root: The root of all runs.
        domain: What is reasoned about.
        name: Name of the run.
        config: Text of its ``config.toml``.

    Raises:
        RunError: If a run of that name exists, or if nothing can be written there.
    """
    name = name or new_run_name(root, domain)
    require_unused(root, domain, name)
    folder = root / domain / "runs" / name
    ensure_writable(folder.parent)
    draft = Run(folder.with_name(f".{name}.{secrets.token_hex(4)}"))
    draft.folder.mkdir()
    try:
        if config is not None:
            write_text(draft.config, config)
        draft.folder.rename(folder)
    except OSError:
        shutil.rmtree(draft.folder)
        require_unused(root, domain, name)  # another process may just have made it
        raise
    return Run(folder)


def new_run_name(root: Path, domain: str) -> str:
    """The time and four random digits; others where a run made in the same second has them."""
    folder = root / domain / "runs"
    while (folder / (name := f"{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}")).exists():
        pass
    return name


@contextmanager
def discarding(run: Run) -> Iterator[None]:
    """Removes the folder of a run that fails before there is anything to keep: no line of history, no checkpoint."""
    try:
        yield
    except BaseException:
        if not (run.history.exists() or run.checkpoints or run.bad_batch().exists()):
            shutil.rmtree(run.folder)
        raise


def require_unused(root: Path, domain: str, name: str | None) -> None:
    """Makes sure that a run of this name can be made.

    Raises:
        RunError: If there is one already.
    """
    folder = root / domain / "runs" / (name or "")
    if name is not None and folder.exists():
        raise RunError(f"run {name!r} exists already", file=folder, hint="choose another name")


def list_runs(root: Path) -> list[Run]:
    """All runs below a root, oldest first."""
    configs = root.glob("*/runs/[!.]*/config.toml")
    return [Run(config.parent) for config in sorted(configs, key=lambda path: path.stat().st_mtime)]


def find_run(name: str | Path, root: Path) -> Run:
    """Finds a run by its folder, or by its name or the beginning of it below a root.

    Raises:
        RunError: If there is none or more than one, listing what exists.
    """
    folder = Path(name)
    if (folder / "config.toml").is_file():
        return Run(folder)
    runs = list_runs(root)
    found = [run for run in runs if run.name == str(name)] or [run for run in runs if run.name.startswith(str(name))]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(run.name for run in (found or runs)[-5:])
    if found:
        raise RunError(f"{len(found)} runs are called {name!r}: {listed}", file=root, hint="give its folder")
    hint = f"the latest runs: {listed}" if runs else "there are no runs yet: start one with nsm train"
    raise RunError(f"no run is called {str(name)!r}", file=root, hint=hint)
