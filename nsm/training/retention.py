"""Which checkpoints are written, and when; and that a training which cannot write ends in order."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from nsm.errors import RunError
from nsm.runs import Run, discarding, exclusive
from nsm.training.checkpoints import pack_checkpoint, write_checkpoint
from nsm.training.state import capture

if TYPE_CHECKING:
    from nsm.config import Config
    from nsm.training.trainer import Trainer

__all__ = ["Retention", "owning"]

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})


@contextmanager
def owning(run: Run) -> Iterator[None]:
    """Holds a run's folder while a training writes to it.

    Raises:
        RunError: If another training holds it, or the disk is full, which leaves every file as it was.
    """
    with exclusive(run), _explaining(run), discarding(run):
        yield


@contextmanager
def _explaining(run: Run) -> Iterator[None]:
    try:
        yield
    except OSError as failure:
        if failure.errno not in _NO_ROOM:
            raise
        remedy = f"go on with nsm train --resume {run.folder}" if run.folder.exists() else "train again"
        message = f"the training had to stop, since nothing can be written: {failure.strerror}"
        raise RunError(message, file=failure.filename or run.folder, hint=f"make room, then {remedy}") from failure


class Retention:
    """Writes the checkpoints of a run.

    - ``last.pt`` after each epoch, when training stops, and every ``save_minutes`` in between.
    - ``best_model.pt`` after an epoch with the best validation so far.
    - a numbered one every ``save_every`` epochs, of which the latest ``keep`` stay.

    Args:
        run: Where to.
        config: When.
    """

    def __init__(self, run: Run, config: Config) -> None:
        self._run, self._config = run, config
        self._saved_at = time.monotonic()

    def save(self, trainer: Trainer) -> None:
        """Writes ``last.pt``."""
        write_checkpoint(self._run.last, pack_checkpoint(capture(trainer)))
        self._saved_at = time.monotonic()

    def after_step(self, trainer: Trainer) -> None:
        """Writes ``last.pt`` where the time has come."""
        minutes = self._config.save_minutes
        if minutes and time.monotonic() - self._saved_at >= 60 * minutes:
            self.save(trainer)

    def after_epoch(self, trainer: Trainer, *, is_best: bool) -> None:
        """Writes what is due. The last one goes first: the best one can be made from it, if this is the end."""
        content, epoch = pack_checkpoint(capture(trainer)), trainer.position.epoch
        write_checkpoint(self._run.last, content)
        if is_best:
            write_checkpoint(self._run.best, content)
        if epoch % self._config.save_every == 0:
            write_checkpoint(self._run.epoch_checkpoint(epoch), content)
            self._prune()
        self._saved_at = time.monotonic()

    def complete(self, checkpoint: Path, epoch: int) -> None:
        """Does what a process that died at the end of an epoch had left to do: its numbered checkpoint, the old ones.

        Args:
            checkpoint: Of the end of that epoch.
            epoch: Its number.
        """
        numbered = self._run.epoch_checkpoint(epoch)
        if epoch % self._config.save_every == 0 and not numbered.exists():
            write_checkpoint(numbered, checkpoint.read_bytes())
        self._prune()

    def _prune(self) -> None:
        numbered = [path for path in self._run.checkpoints if path not in (self._run.last, self._run.best)]
        for path in numbered[self._config.keep :] if self._config.keep else []:
            path.unlink()
