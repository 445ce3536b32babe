"""Trainings in processes of their own, which outlive the notebook that started them."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nsm.analysis.run_states import RunState, read_state
from nsm.dashboard.child import launch
from nsm.errors import RunError
from nsm.runs import (
    Run,
    ensure_writable,
    find_run,
    holder,
    is_held,
    is_locked,
    new_run_name,
    require_unused,
    resolve_root,
    write_text,
)

if TYPE_CHECKING:
    from nsm.config import Config

__all__ = ["BackgroundRun", "background", "start"]

WAITING = ".background"  # beside the runs: configuration and log of those that have no folder yet
LOG = "train.log"
COMMAND = "$ "  # begins the line of the log with what was started
ENDED = "ended"  # beside the log of a run without a folder: its process was asked to end
LOOK = 0.1  # seconds between two looks at a process that is to end


class BackgroundRun:
    """A training in a process of its own. Its log is locked for as long as the process lives.

    Until its first epoch is finished, configuration and log lie beside the runs, since a training that fails before
    there is anything to keep removes its folder; then the log is ``train.log`` in the folder of the run.

    Args:
        run: The run, whose folder need not be there yet.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self._process: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        return f"<{self.run.name}: {self.summary}>"

    @property
    def is_alive(self) -> bool:
        """Whether its process lives, whoever started it."""
        if self._process is not None and self._process.poll() is None:
            return True
        return is_held(self.run) is True or any(map(is_locked, (self._waiting / LOG, self.run.folder / LOG)))

    @property
    def at(self) -> RunState:
        """Where the run stands, with what is known of its process."""
        self._settle()
        at = read_state(self.run)
        if not self.run.config.exists():
            if self.is_alive:
                return replace(at, state="building")
            return replace(at, state="stopped" if (self._waiting / ENDED).exists() else "failed")
        if at.state in ("running", "stale") and self.log() and not self.is_alive:
            return replace(at, state="killed", left=None)
        return at

    @property
    def state(self) -> str:
        """That of the run; ``building`` before there is a folder of it, ``stopped`` or ``failed`` where none came.

        See :func:`nsm.analysis.run_states.state_of`.
        """
        return self.at.state

    @property
    def summary(self) -> str:
        """One line for a person; of a process that builds or has failed what it said last."""
        at = self.at
        if at.state == "stopped":
            return "stopped while its data were made: resume begins anew"
        if at.state == "failed":
            return f"failed: {self.error or f'its process ended without an error ({self._last_words})'}"
        if at.state == "building":
            return f"building: {self._last_words}"
        return at.summary if at.records else f"{at.summary}. {self._last_words}"

    @property
    def error(self) -> str | None:
        """What the process said when it failed; None where it did not, or still lives."""
        if self.is_alive:
            return None
        found = [line for line in self._said if "Error" in line or line.startswith("Hint: ")]
        return "\n".join(found[-2:]) or None

    def log(self, lines: int | None = None) -> str:
        """What the process has said so far.

        Args:
            lines: Only so many of the last ones.
        """
        self._settle()
        for path in (self._waiting / LOG, self.run.folder / LOG):
            if path.exists():
                said = path.read_text(encoding="utf-8", errors="replace")
                return said if lines is None else "\n".join(said.splitlines()[-lines:])
        return ""

    def pause(self, *, wait: float = 60.0) -> bool:
        """Asks the training to finish its step, save and end; :meth:`resume` goes on. Data under way are given up.

        A training of another machine is asked too; it is not waited for.

        Args:
            wait: Seconds to wait for that at most.

        Returns:
            Whether the process has ended.
        """
        if not self.is_alive and self.state == "running":
            self.run.stop.touch()
            return False
        limit = time.monotonic() + wait
        while self.is_alive:
            if is_held(self.run):
                self.run.stop.touch()
            elif pid := self._pid:  # before the first step, or after the last
                if self._waiting.is_dir():
                    (self._waiting / ENDED).touch()
                _signal(pid, signal.SIGTERM)
            if time.monotonic() >= limit:
                return False
            time.sleep(LOOK)
        self.run.stop.unlink(missing_ok=True)
        return True

    def stop(self, *, wait: float = 60.0) -> None:
        """Like :meth:`pause`; a process that has not ended by then is killed, which loses the epoch under way."""
        if not self.pause(wait=wait) and (pid := self._pid) and _signal(pid, signal.SIGKILL):
            while self.is_alive:
                time.sleep(LOOK)

    def resume(self) -> None:
        """Goes on where the run stands; a run that never came to have a folder begins anew.

        Raises:
            RunError: If it is being trained, or has ended.
        """
        if self.is_alive:
            raise RunError("the run is being trained", file=self.run.folder, hint="pause it first")
        if not self.run.config.exists():
            self._launch(["--config", str(self._waiting / "config.toml")], self._waiting / LOG)
            return
        if self.state == "finished":
            hint = "give it more epochs: nsm train --resume RUN --epochs N"
            raise RunError("the run has finished", file=self.run.folder, hint=hint)
        self._settle()
        home = self._waiting if self._waiting.is_dir() else self.run.folder
        self._launch(["--resume", str(self.run.folder)], home / LOG)

    @property
    def _waiting(self) -> Path:
        return self.run.folder.parent / WAITING / self.run.name

    @property
    def _pid(self) -> int | None:
        """The process that lives: ours, one that another kernel started, or whoever trains in the run's folder."""
        if self._process is not None and self._process.poll() is None:
            return self._process.pid
        for home in (self.run.folder, self._waiting):
            if is_locked(home / LOG):  # else its number may be that of another program by now
                try:
                    return int((home / "pid").read_text(encoding="utf-8"))
                except (OSError, ValueError):
                    continue
        return holder(self.run)

    @property
    def _said(self) -> list[str]:
        """The lines of the process that was started last."""
        lines = self.log().splitlines()
        begun = max((place for place, line in enumerate(lines) if line.startswith(COMMAND)), default=-1)
        return [line for line in lines[begun + 1 :] if line.strip()]

    @property
    def _last_words(self) -> str:
        return self._said[-1].strip() if self._said else "it has said nothing"

    def _settle(self) -> None:
        """Moves the log into the run's folder once that will stay."""
        if self._waiting.is_dir() and (self.run.history.exists() or self.run.last.exists()):
            for name in (LOG, "pid"):
                if (self._waiting / name).exists():
                    os.replace(self._waiting / name, self.run.folder / name)
            shutil.rmtree(self._waiting, ignore_errors=True)
            with suppress(OSError):  # others wait there too
                self._waiting.parent.rmdir()

    def _launch(self, arguments: Sequence[str], log: Path) -> None:
        log.with_name(ENDED).unlink(missing_ok=True)
        command = ["nsm", "train", *arguments]
        with log.open("ab") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)  # the process inherits it, and gives it back when it ends
            stream.write(f"{COMMAND}{shlex.join(command)}\n".encode())
            stream.flush()
            self._process = launch(command, into=stream)
        write_text(log.with_name("pid"), f"{self._process.pid}\n")


def start(config: Config) -> BackgroundRun:
    """Trains in a process of its own, which survives a closed tab and a restarted kernel.

    Args:
        config: What to train; a run without a name is given one.

    Raises:
        RunError: If the root cannot be written, or the run exists already.
    """
    root = resolve_root(config.root).absolute()
    name = config.run or new_run_name(root, config.domain)
    require_unused(root, config.domain, name)
    config = config.with_absolute_paths().model_copy(update={"root": root, "run": name})
    job = BackgroundRun(Run(root / config.domain / "runs" / name))
    if job.is_alive:
        raise RunError(f"run {name!r} is being trained", file=job.run.folder, hint="choose another name")
    ensure_writable(job._waiting)
    write_text(job._waiting / "config.toml", config.to_toml())
    job._launch(["--config", str(job._waiting / "config.toml")], job._waiting / LOG)
    return job


def background(run: BackgroundRun | Run | str | Path, *, root: Path | None = None) -> BackgroundRun:
    """Finds a run of the background again, after the kernel was restarted; any other run as well.

    Args:
        run: The run, its folder, or its name.
        root: Where runs are kept; see :func:`nsm.runs.resolve_root`.

    Raises:
        RunError: If there is no such run.
    """
    if isinstance(run, BackgroundRun):
        return run
    if isinstance(run, Run):
        return BackgroundRun(run)
    home = resolve_root(root)
    waiting = [Path(run).parent / WAITING / Path(run).name, *home.glob(f"*/runs/{WAITING}/{Path(run).name}")]
    for place in waiting:
        if (place / "config.toml").is_file():
            return BackgroundRun(Run(place.parents[1] / place.name))
    return BackgroundRun(find_run(run, home))


def _signal(pid: int, number: signal.Signals) -> bool:
    """Sends a signal to a process, and to those that build data for it where it leads a group; whether that went."""
    try:
        (os.killpg if os.getpgid(pid) == pid else os.kill)(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
