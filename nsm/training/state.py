"""Everything that a training goes on from, taken from a trainer and put back into one."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nsm.training.checkpoints import load_weights
from nsm.training.records import EpochRecord, Position
from nsm.training.seeds import random_states, restore_random_states

if TYPE_CHECKING:
    from nsm.training.trainer import Trainer

__all__ = ["capture", "restore"]


def capture(trainer: Trainer) -> dict[str, Any]:
    """The state of a training, as a checkpoint holds it; what depends on the machine is in ``resources``."""
    validated = [record.metrics for record in trainer.history if "val_acc" in record.metrics]
    latest = validated[-1] if validated else {}
    with trainer.average.training():
        trained = {"trained_state_dict": trainer.model.state_dict()} if trainer.average else {}
    with trainer.average.training(now=False):
        weights = trainer.model.state_dict()
    return {
        "epoch": trainer.position.epoch,
        "val_acc": latest.get("val_acc"),
        "val_loss": latest.get("val_loss"),
        "model_state_dict": weights,
        "optimizer_state_dict": trainer.optimizer.state_dict(),
        "scheduler_state_dict": trainer.scheduler.state_dict(),
        "precision_state_dict": trainer.fabric.strategy.precision.state_dict(),
        "history": [replace(record, resources={}, gradient_norms={}).to_json() for record in trainer.history],
        "config": trainer.config.to_json(),
        "schema": trainer.schema.to_json(),
        "data_fingerprint": trainer.data_fingerprint,
        "position": asdict(trainer.position),
        "micro_batch": trainer.micro.size,
        "random_states": random_states(),
        "resources": {"seconds": trainer.seconds, "interrupted": trainer.stop_requested},
    } | trained


def restore(trainer: Trainer, checkpoint: dict[str, Any], file: Path) -> None:
    """Puts a trainer into the state that a checkpoint holds; it goes on as if it had never stopped.

    Args:
        trainer: Made with the same configuration and data.
        checkpoint: What :func:`~nsm.training.checkpoints.load_checkpoint` returned.
        file: Where it came from, for the error.

    Raises:
        CheckpointError: If the checkpoint was made for another model.
    """
    with trainer.average.training():
        weights = checkpoint.get("trained_state_dict", checkpoint["model_state_dict"])
        load_weights(trainer.model, {"model_state_dict": weights}, file)
    load_weights(trainer.model, checkpoint, file)
    trainer.optimizer.load_state_dict(checkpoint["optimizer_state_dict"])
    trainer.scheduler.load_state_dict(checkpoint["scheduler_state_dict"])
    trainer.fabric.strategy.precision.load_state_dict(checkpoint["precision_state_dict"])
    trainer.history = [EpochRecord(**record) for record in checkpoint["history"]]
    trainer.position = Position(**checkpoint["position"])
    if trainer.config.accumulate == checkpoint["config"]["accumulate"]:
        trainer.micro.size = checkpoint["micro_batch"]  # smaller than configured where memory has run out
    trainer.seconds = checkpoint["resources"]["seconds"]
    restore_random_states(checkpoint["random_states"])
