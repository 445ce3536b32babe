"""The training loop: one readable path from a batch to a checkpoint."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from nsm.data.loader import BatchLoader
from nsm.errors import RunError
from nsm.models.losses import compute_loss
from nsm.runs import Run, discarding, write_json
from nsm.training.callbacks import Callback
from nsm.training.checkpoints import load_checkpoint, load_weights, save_checkpoint
from nsm.training.device import open_fabric, peak_memory_mib
from nsm.training.interruption import Interruption
from nsm.training.records import EpochRecord, Position, StepRecord, TrainResult
from nsm.training.schedules import build_scheduler
from nsm.training.state import capture
from nsm.training.validation import validate

if TYPE_CHECKING:
    from nsm.config import Config
    from nsm.data.batch import GraphBatch
    from nsm.data.packed import PackedGraphs

__all__ = ["Trainer"]


class Trainer:
    """Trains a model and keeps its run folder.

    ``for record in trainer.epochs()`` trains one epoch per turn; :meth:`fit` goes on to the end. Ctrl-C and
    SIGTERM finish the step, save ``last.pt`` and end the loop. In the end the model has its best weights.

    Args:
        config: What to do.
        model: Weights to start from; called as ``model(batch, reconstruct=...)``.
        train: Training graphs.
        val: Validation graphs.
        run: Where to write.
        callbacks: Told of each event, in this order.

    Attributes:
        history: Records of the finished epochs.
        position: Where it stands.
        seconds: Time spent so far.
        majority: Share of the most frequent class among the validation graphs: the line to beat.
        stop_requested: Set it to end the training as Ctrl-C does.

    Raises:
        RunError: If there is nothing to train or to validate on.
    """

    def __init__(
        self,
        config: Config,
        model: nn.Module,
        train: PackedGraphs,
        val: PackedGraphs,
        run: Run,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        for name, graphs in (("training", train), ("validation", val)):
            if not len(graphs):
                raise RunError(
                    f"the {name} split is empty", file=graphs.folder, hint="make more graphs, of more problems"
                )
        self.config, self.run, self.callbacks, self.model = config, run, list(callbacks), model
        self.fabric = open_fabric(config)
        optimizer = torch.optim.AdamW(model.parameters(), config.learning_rate, weight_decay=config.weight_decay)
        self._wrapped, self.optimizer = self.fabric.setup(model, optimizer)
        # while a GPU computes, a thread gathers the next batch
        is_gpu = self.fabric.device.type == "cuda"
        self.train_loader = BatchLoader(train, config.batch_size, seed=config.seed, prefetch=is_gpu)
        self.val_loader = BatchLoader(val, config.batch_size, shuffle=False, prefetch=is_gpu)
        self.scheduler = build_scheduler(optimizer, config, len(self.train_loader))
        self.schema, self.data_fingerprint = train.schema, train.fingerprint
        self.majority = float(np.bincount(val.labels).max() / len(val))
        self.history: list[EpochRecord] = []
        self.stop_requested = False
        self.position, self.seconds = Position(), 0.0

    @property
    def is_over(self) -> bool:
        """Whether all epochs are done, or validation has not improved for ``patience`` times."""
        patience = self.config.patience
        return self.position.epoch >= self.config.epochs or 0 < patience <= self.position.stale

    @property
    def result(self) -> TrainResult:
        """What the training has come to so far."""
        at = self.position
        return TrainResult(
            run=self.run,
            epochs=at.epoch,
            best_epoch=at.best_epoch or None,
            best_val_acc=at.best_val_acc if at.best_epoch else None,
            seconds=round(self.seconds, 3),
            interrupted=not self.is_over,
        )

    def fit(self) -> TrainResult:
        """Trains to the end, or until it is stopped."""
        for _ in self.epochs():
            pass
        return self.result

    def epochs(self) -> Iterator[EpochRecord]:
        """Trains, one epoch for each turn of the loop.

        Raises:
            RunError: If the loss is not a finite number any more.
        """
        with discarding(self.run):
            try:
                with Interruption() as interruption:
                    for callback in self.callbacks:
                        callback.on_start(self)
                    while not self.is_over:
                        must_stop = self._must_stop(interruption)
                        record = None if must_stop else self._train_epoch(interruption)
                        if record is None:
                            save_checkpoint(self.run.last, capture(self))
                            break
                        yield record
            finally:
                self._finish()

    def _must_stop(self, interruption: Interruption) -> bool:
        self.stop_requested |= interruption.requested
        return self.stop_requested

    def _train_epoch(self, interruption: Interruption) -> EpochRecord | None:
        """Trains on what is left of the epoch under way; None if it was stopped before its end."""
        at, started, batches = self.position, time.perf_counter(), len(self.train_loader)
        self.model.train()
        graphs = 0
        for batch in self.train_loader.epoch(at.epoch, start=at.batch):
            loss = self._step(batch)
            graphs += batch.num_graphs
            at.batch += 1
            record = StepRecord(at.epoch + 1, at.batch, batches, batch.num_graphs, loss)
            for callback in self.callbacks:
                callback.on_step(self, record)
            if self._must_stop(interruption):
                self.seconds += time.perf_counter() - started
                return None
        return self._end_epoch(started, graphs)

    def _step(self, batch: GraphBatch) -> float:
        """One optimisation step; returns the total loss."""
        at, config = self.position, self.config
        weight = self._cycle_weight()
        batch = batch.to(self.fabric.device)
        self.model.set_step(at.step)  # type: ignore[operator]
        self.optimizer.zero_grad()
        output = self._wrapped(batch, reconstruct=weight > 0)
        losses = compute_loss(output, batch, weight)
        self._check_finite(total := losses.total.item())
        self.fabric.backward(losses.total)
        if config.clip_norm:
            at.add({"grad_norm": self._clip_gradients()})
        self.optimizer.step()
        self.scheduler.step()
        at.step += 1
        graphs = batch.num_graphs
        correct = (output.logits.argmax(1) == batch.y).sum()
        at.add({"graphs": graphs, "loss": total * graphs, "task": losses.task.item() * graphs})
        at.add({"correct": correct.item(), "steps": 1})
        if weight > 0:
            at.add({"cycle": losses.cycle.item() * graphs, "cycle_graphs": graphs})
        return total

    def _cycle_weight(self) -> float:
        """Weight of the reconstruction error at this step."""
        config, step = self.config, self.position.step
        if step % config.cycle_every:
            return 0.0
        risen = (step + 1) / max(config.cycle_warmup_epochs * len(self.train_loader), 1)
        # a reconstruction that is computed every k steps counts k times as much
        return config.cycle_weight * config.cycle_every * min(risen, 1.0) ** 2

    def _clip_gradients(self) -> float:
        """Shortens the gradient to ``clip_norm``; returns its norm before."""
        limit = self.config.clip_norm
        norm = self.fabric.clip_gradients(self._wrapped, self.optimizer, max_norm=limit, error_if_nonfinite=False)
        assert norm is not None
        return norm.item()

    def _check_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            at = self.position
            message = f"the loss became {loss} in epoch {at.epoch + 1}, step {at.step + 1}"
            hint = f"lower learning_rate (now {self.config.learning_rate:g}), or set clip_norm"
            raise RunError(message, file=self.run.folder if self.history else None, hint=hint)

    def _end_epoch(self, started: float, graphs: int) -> EpochRecord:
        """Validates where it is due, and writes the history and the checkpoints."""
        at, config = self.position, self.config
        trained = time.perf_counter() - started
        metrics = self._train_metrics()
        at.epoch, at.batch, at.sums = at.epoch + 1, 0, {}
        is_best = False
        if at.epoch % config.eval_every == 0 or at.epoch == config.epochs:
            metrics |= self.validate()
            self.scheduler.validated(metrics["val_loss"], config)
            is_best = at.is_improved_by(metrics["val_acc"], metrics["val_loss"])
        seconds = time.perf_counter() - started
        self.seconds += seconds
        resources = {
            "seconds": round(seconds, 3),
            "graphs_per_second": round(graphs / trained, 1),
            "memory_mib": round(peak_memory_mib(self.fabric.device), 1),
        }
        record = EpochRecord(at.epoch, at.step, metrics, is_best, resources)
        self.history.append(record)
        self.run.append_history(record.to_json())
        self._save_checkpoints(is_best=is_best)
        for callback in self.callbacks:
            callback.on_epoch(self, record)
        return record

    def _train_metrics(self) -> dict[str, float]:
        sums = self.position.sums
        graphs = sums["graphs"]
        metrics = {
            "train_loss": sums["loss"] / graphs,
            "train_task_loss": sums["task"] / graphs,
            "train_acc": sums["correct"] / graphs,
            "learning_rate": float(self.scheduler.get_last_lr()[0]),
        }
        if "cycle" in sums:
            metrics["train_cycle_loss"] = sums["cycle"] / sums["cycle_graphs"]
        if "grad_norm" in sums:
            metrics["grad_norm"] = sums["grad_norm"] / sums["steps"]
        return metrics

    def validate(self) -> dict[str, float]:
        """Losses and accuracy on the validation graphs."""
        return validate(
            self.model,
            self.val_loader,
            self.fabric,
            num_classes=len(self.schema.labels),
            cycle_weight=self.config.cycle_weight,
        )

    def _save_checkpoints(self, *, is_best: bool) -> None:
        state, epoch = capture(self), self.position.epoch
        if is_best:
            save_checkpoint(self.run.best, state)
        if epoch % self.config.save_every == 0:
            save_checkpoint(self.run.epoch_checkpoint(epoch), state)
        save_checkpoint(self.run.last, state)

    def _finish(self) -> None:
        """Puts the best weights back, writes the history column by column, and tells the callbacks."""
        try:
            if self.position.best_epoch:
                load_weights(self.model, load_checkpoint(self.run.best), self.run.best)
            write_json(self.run.training_history, self._columns())
        finally:
            for callback in self.callbacks:
                callback.on_end(self)

    def _columns(self) -> dict[str, Any]:
        names = sorted({name for record in self.history for name in record.metrics})
        columns = {name: [record.metrics.get(name) for record in self.history] for name in names}
        epochs = [record.epoch for record in self.history]
        return {"epoch": epochs, **columns, "majority": self.majority, "interrupted": not self.is_over}
