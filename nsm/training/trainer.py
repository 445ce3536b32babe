"""The training loop: one readable path from a batch to a checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from nsm.data.loader import BatchLoader
from nsm.errors import NSMError, RunError
from nsm.models.losses import compute_loss
from nsm.runs import Run, write_json
from nsm.training.averaging import WeightAverage
from nsm.training.callbacks import Callback
from nsm.training.checkpoints import load_checkpoint, load_weights
from nsm.training.device import arithmetic, open_fabric, peak_memory_mib
from nsm.training.guards import alarms, require_finite
from nsm.training.interruption import Interruption
from nsm.training.memory import MicroBatches
from nsm.training.norms import gradient_norms
from nsm.training.processes import Processes
from nsm.training.records import (
    EpochRecord,
    Position,
    StepRecord,
    TrainResult,
    gradient_means,
    gradient_sums,
    history_columns,
    train_metrics,
)
from nsm.training.recovery import recover
from nsm.training.retention import Retention, owning
from nsm.training.schedules import build_optimizer, build_scheduler, cycle_weight
from nsm.training.seeds import set_step
from nsm.training.validation import level_metrics, validate

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
        average: Of the weights, which the model has outside of its steps where ``average_share`` is set.
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
        self.config, self.run, self.model = config, run, model
        self.fabric = open_fabric(config)
        self.processes = processes = Processes(self.fabric)
        self.callbacks = list(callbacks) if processes.is_lead else []
        optimizer = build_optimizer(model, config, self.fabric.device)
        self._wrapped, self.optimizer = self.fabric.setup(model, optimizer)
        self.average = WeightAverage(model, config.average_share)
        # while a GPU computes, a thread gathers the next batch
        load = partial(
            BatchLoader,
            batch_size=config.batch_size,
            rank=processes.rank,
            world_size=processes.count,
            prefetch=self.fabric.device.type == "cuda",
        )
        self.train_loader, self.val_loader = load(train, seed=config.seed), load(val, shuffle=False)
        self.scheduler = build_scheduler(optimizer, config, len(self.train_loader))
        self.micro = MicroBatches.configured(config, self.notify)
        self.retention = Retention(run, config)
        self.schema, self.data_fingerprint = train.schema, train.fingerprint
        self.majority = float(np.bincount(val.labels).max() / len(val))
        self.history: list[EpochRecord] = []
        self.stop_requested = False
        self.position, self.seconds, self._clock = Position(), 0.0, 0.0

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
        """Trains, one epoch for each turn of the loop; goes on where the run stands, if it was trained before.

        Raises:
            RunError: If the loss or the gradient is not finite any more, another process trains this run, or
                the disk is full.
            CheckpointError: If the run's checkpoints are damaged, or of another training.
        """
        with arithmetic(self.config), owning(self.run) if self.processes.is_lead else nullcontext():
            self.stop_requested = False
            recover(self)
            try:
                with Interruption(self.run.stop if self.processes.is_lead else None) as interruption:
                    self._clock = time.perf_counter()
                    for callback in self.callbacks:
                        callback.on_start(self)
                    while not self.is_over:
                        record = None if self._must_stop(interruption) else self._train_epoch(interruption)
                        if record is None:
                            self._write(self.retention.save)
                            break
                        yield record
                self.processes.wait()  # until the best weights are written
            except BaseException:
                with suppress(NSMError, OSError):  # the first error is the one to tell
                    self._finish()
                raise
            self._finish()

    def notify(self, text: str) -> None:
        """Tells the callbacks something in words."""
        for callback in self.callbacks:
            callback.on_notice(self, text)

    def _must_stop(self, interruption: Interruption) -> bool:
        self.stop_requested = self.processes.any(self.stop_requested or interruption.requested)
        return self.stop_requested

    def _write(self, save: Callable[[Trainer], None]) -> None:
        if self.processes.is_lead:
            save(self)

    def _tick(self) -> float:
        """Adds the time since the last call to :attr:`seconds`, and returns it."""
        before, self._clock = self._clock, time.perf_counter()
        self.seconds += self._clock - before
        return self._clock - before

    def _train_epoch(self, interruption: Interruption) -> EpochRecord | None:
        """Trains on what is left of the epoch under way; None if it was stopped before its end."""
        at, loader, trained, graphs = self.position, self.train_loader, 0.0, 0
        self.model.train()
        with self.average.training(begins=at.step == 0):
            for batch in loader.epoch(at.epoch, start=at.batch):
                loss = self._step(batch, size := loader.num_graphs(at.batch))
                at.batch += 1
                record = StepRecord(at.epoch + 1, at.batch, len(loader), size, loss)
                for callback in self.callbacks:
                    callback.on_step(self, record)
                trained, graphs = trained + self._tick(), graphs + size
                if self._must_stop(interruption):
                    return None
                self._write(self.retention.after_step)
        return self._end_epoch(trained, graphs)

    def _step(self, batch: GraphBatch, graphs: int) -> float:
        """One optimisation step on a batch, of ``graphs`` in all processes; returns the total loss."""
        at = self.position
        weight = cycle_weight(at.step, self.config, len(self.train_loader))

        def compute(part: GraphBatch, first: int) -> dict[str, float]:
            return self._backward(part.to(self.fabric.device), first, weight, graphs)

        with self.processes.alone(self._wrapped):
            parts = self.micro.map(batch, compute, self.optimizer.zero_grad, self.processes.any)
        sums = {name: sum(part[name] for part in parts) for name in parts[0]}
        sums = self.processes.add_up(self.model.parameters(), sums)
        norm, layers = self._gradient_norms()
        require_finite(self, batch, loss := sums["loss"] / graphs, norm)
        self._clip_gradients(norm)
        self.optimizer.step()
        self.scheduler.step()
        at.step += 1
        self.average.update(at.step)
        at.add({**sums, "graphs": graphs, **gradient_sums(norm, layers)})
        if weight > 0:
            at.add({"cycle_graphs": graphs})
        return loss

    def _backward(self, part: GraphBatch, first: int, weight: float, graphs: int) -> dict[str, float]:
        """Adds the gradient of some graphs of a batch; returns the sums of their figures."""
        set_step(self.model, self.position.step, self.processes.rank + first * self.processes.count)
        output = self._wrapped(part, reconstruct=weight > 0)
        losses, size = compute_loss(output, part, weight, **self.config.term_weights), part.num_graphs
        self.fabric.backward(losses.total * (size / graphs))
        correct = (output.logits.argmax(1) == part.y).sum()
        sums = {"loss": losses.total.item() * size, "task": losses.task.item() * size, "correct": correct.item()}
        terms = [key.removesuffix("_weight") for key, factor in self.config.term_weights.items() if factor > 0]
        return sums | {term: getattr(losses, term).item() * size for term in ["cycle"] * (weight > 0) + terms}

    def _gradient_norms(self) -> tuple[float, dict[str, float]]:
        """The norms of the whole gradient and of each layer's, of which a scaler's factor is taken out first."""
        self.fabric.strategy.precision.unscale_gradients(self.optimizer.optimizer)
        return gradient_norms(self.model)

    def _clip_gradients(self, norm: float) -> None:
        """Shortens the gradient to ``clip_norm``, if that is set."""
        if self.config.clip_norm:
            nn.utils.clip_grads_with_norm_(self.model.parameters(), self.config.clip_norm, torch.tensor(norm))

    def _end_epoch(self, trained: float, graphs: int) -> EpochRecord:
        """Validates where it is due, and writes the history and the checkpoints."""
        at, config, before = self.position, self.config, self.seconds - trained
        metrics = train_metrics(at.sums) | {"learning_rate": float(self.scheduler.get_last_lr()[0])}
        norms = gradient_means(at.sums)
        at.epoch, at.batch, at.sums = at.epoch + 1, 0, {}
        is_best = False
        if at.epoch % config.eval_every == 0 or at.epoch == config.epochs:
            metrics |= self.validate()
            self.scheduler.validated(metrics["val_loss"], config)
            is_best = at.is_improved_by(metrics["val_acc"], metrics["val_loss"])
        self._tick()
        resources = {
            "seconds": round(self.seconds - before, 3),
            "graphs_per_second": round(graphs / trained, 1) if trained else 0.0,
            "memory_mib": round(peak_memory_mib(self.fabric.device), 1),
        }
        resources |= {"micro_batch": self.micro.size} if self.micro.size else {}
        told = alarms([*(one.metrics for one in self.history), metrics], self.majority, len(self.schema.labels))
        record = EpochRecord(at.epoch, at.step, metrics, is_best, told, resources, norms)
        self.history.append(record)
        self._write(self._keep)
        for alarm in told:
            self.notify(alarm)
        for callback in self.callbacks:
            callback.on_epoch(self, record)
        return record

    def _keep(self, _: Trainer) -> None:
        record = self.history[-1]
        self.run.append_history(record.to_json())
        self.retention.after_epoch(self, is_best=record.is_best)

    def validate(self) -> dict[str, float]:
        """Losses and accuracy on the validation graphs, and how well each level is rebuilt on some of them."""
        classes, weight = len(self.schema.labels), self.config.cycle_weight
        how: dict[str, Any] = {"num_classes": classes, "cycle_weight": weight, "micro": self.micro}
        found = validate(self.model, self.val_loader, self.fabric, **how)
        return found | level_metrics(self.model, self.val_loader, self.fabric, self.micro)

    def _finish(self) -> None:
        """Puts the best weights back, writes the history column by column, and tells the callbacks."""
        with ExitStack() as stack:
            for callback in reversed(self.callbacks):
                stack.callback(callback.on_end, self)
            if self.position.best_epoch:
                load_weights(self.model, load_checkpoint(self.run.best), self.run.best)
            told = {"majority": self.majority, "interrupted": not self.is_over}
            self._write(lambda _: write_json(self.run.training_history, history_columns(self.history) | told))
