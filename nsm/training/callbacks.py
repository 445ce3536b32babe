"""What a view, a sweep or a user's own code can hook into."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nsm.training.records import EpochRecord, StepRecord
    from nsm.training.trainer import Trainer

__all__ = ["Callback"]


class Callback:
    """Does nothing at each event; override what is needed. Events come in the order of the methods.

    A callback may set ``trainer.stop_requested`` to end the training as Ctrl-C does.
    """

    def on_start(self, trainer: Trainer) -> None:
        """Before the first step."""

    def on_step(self, trainer: Trainer, record: StepRecord) -> None:
        """After each optimisation step; the model has the weights that are trained, elsewhere those that are kept."""

    def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
        """After each epoch, its validation and its checkpoints."""

    def on_end(self, trainer: Trainer) -> None:
        """At the end, after an interruption or an error too; the model has its best weights."""

    def on_notice(self, trainer: Trainer, text: str) -> None:
        """At any time, when there is something to say: memory ran out, a checkpoint is damaged, an alarm."""
