"""What a container does with an order: trains one run, or goes on with it, evaluates it, and keeps it on the volume."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nsm.cloud.attempts import SILENCE, AttemptLog
from nsm.cloud.checksums import write_sums
from nsm.cloud.orders import Order
from nsm.cloud.prices import gpu_of
from nsm.cloud.signals import Signals
from nsm.cloud.storage import MountedVolume, StorageError
from nsm.config import Config, load_config
from nsm.diagnosis.accelerator import DRIVER
from nsm.errors import ConfigError, NSMError
from nsm.runs import Run
from nsm.runs.folder import CLOUD_ROOT

if TYPE_CHECKING:
    from nsm.cloud.keeper import Keeper
    from nsm.training import Callback, TrainResult

__all__ = ["MARGIN", "OutOfTime", "perform"]

MARGIN = 300
"""Seconds before the end of an attempt's time at which training stops: enough to save, evaluate and commit."""

PATIENCE = 3  # attempts that fail at the same step before it is given up
GPU_SIGNS = (Path("/dev/nvidiactl"), DRIVER)  # either is where the driver of a GPU is


class OutOfTime(Exception):  # noqa: N818 - no error: it asks the cloud for the next attempt
    """The time of this attempt is up; everything is saved and committed, and the next attempt goes on."""


@dataclass
class _Work:
    """An attempt under way."""

    order: Order
    config: Config
    volume: MountedVolume
    signals: Signals
    log: AttemptLog
    deadline: float
    callbacks: Sequence[Callback] = ()
    commit_seconds: float | None = None
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """Where the volume is mounted."""
        assert self.config.root is not None
        return self.config.root

    @property
    def run(self) -> Run:
        """The run's folder on the volume, there or not."""
        return Run(self.root / self.order.domain / "runs" / self.order.run)


def perform(
    order: Order,
    volume: MountedVolume,
    *,
    seconds: float,
    root: Path = CLOUD_ROOT,
    callbacks: Sequence[Callback] = (),
    commit_seconds: float | None = None,
    call: str = "",
) -> dict[str, Any]:
    """Does what an order says, as far as the time of one attempt goes.

    Args:
        order: What to train.
        volume: Where the run is kept.
        seconds: The attempt's time.
        root: Where the volume is mounted.
        callbacks: Told of each event of the training.
        commit_seconds: Least time between two commits.
        call: The identity of the call that this is an attempt of. Another one that trains the run is let alone.

    Returns:
        What :func:`nsm.cloud.summary.summarise` reads: ``state`` is ``finished`` or ``failed``. A mistake that another
        attempt would only repeat is told in ``why`` and not raised.

    Raises:
        OutOfTime: If the next attempt has to go on.
        StorageError: If the volume is out of order for the moment, which the next attempt may not find so.
        KeyboardInterrupt: If this container has to end; all is saved, and the same order goes on.
    """
    began = time.monotonic()
    deadline = began + max(seconds - MARGIN, 0.6 * seconds)
    volume.reload()
    file = root / "launches" / order.run / f"{order.domain}.json"
    log = AttemptLog(file, gpu_of(_device(), order.gpus[0]), began, call=call, limit=seconds)
    with Signals() as signals:
        try:
            config = _config(order, root)
            log.begin(max(SILENCE, 3 * (commit_seconds or 0)))
            with suppress(StorageError):  # so that others see it
                volume.commit()
            work = _Work(order, config, volume, signals, log, deadline, callbacks, commit_seconds)
            return _attempt(work)
        except StorageError:
            raise
        except NSMError as failure:
            return _told(order, log, state="failed", why=str(failure))


def _device() -> str | None:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def _config(order: Order, root: Path) -> Config:
    with tempfile.NamedTemporaryFile("w", suffix=".toml", encoding="utf-8") as file:
        file.write(order.config)
        file.flush()
        config = load_config(Path(file.name))
    if config.domain != order.domain:
        raise ConfigError(f"domain: expected {order.domain}, got {config.domain}")
    return config.model_copy(update={"root": root, "run": order.run})


def _attempt(work: _Work) -> dict[str, Any]:
    """One attempt, whose end is noted and committed whatever it is."""
    ended = "failed"
    try:
        _require_gpu(work.config)
        result = _train(work)
        work.figures |= _promote(work, result)
        ended = "finished"
    except KeyboardInterrupt:
        ended = "stopped"
        raise
    except OutOfTime:
        ended = "out of time"
        raise
    except Exception as failure:
        if isinstance(failure, NSMError) and not isinstance(failure, StorageError):
            raise
        if work.log.failures_here() >= PATIENCE:
            told = f"{type(failure).__name__}: {failure}"
            raise NSMError(f"{told}; {PATIENCE} attempts came no further", hint="see the log") from failure
        raise
    finally:
        _close(work, ended)
    return _told(work.order, work.log, state="finished", figures=work.figures)


def _close(work: _Work, ended: str) -> None:
    """Notes how the attempt ended, and commits; only after a whole training is it an error if that fails."""
    work.log.note(ended)
    write_sums(work.root, work.run)
    saved = "; the run is saved" if work.run.last.exists() else ""
    try:
        work.volume.commit()
    except NSMError as failure:
        if ended == "finished":
            raise
        saved = f"; {failure}"
    _say(work, f"{ended}{saved}")


def _say(work: _Work, text: str) -> None:
    print(f"{work.order.domain}: {text}", flush=True)  # noqa: T201


def _require_gpu(config: Config) -> None:
    """Makes sure that torch can use the GPU that is there or was insisted on; without one the processor computes.

    Raises:
        NSMError: If it cannot.
    """
    if config.accelerator == "cpu" or _device() is not None:
        return
    if config.accelerator == "gpu" or any(place.exists() for place in GPU_SIGNS):
        hint = "start it again, or set accelerator=cpu to do without"
        raise NSMError("the container has no GPU that torch can use", hint=hint)
    print(f"{config.domain}: there is no GPU in this container; its processor computes", flush=True)  # noqa: T201


def _train(work: _Work) -> TrainResult:
    """Trains the run, or goes on with it where it is there already, and evaluates it.

    Its data are on this container's disk meanwhile; they come from the volume where they are there, and are kept there.

    Raises:
        OutOfTime: If the time is up.
        KeyboardInterrupt: If a signal came.
    """
    from nsm import pipeline
    from nsm.cloud.dataset_cache import DatasetCache, dataset_name
    from nsm.cloud.promotion import recorded_dataset

    config, run = work.config, work.run
    name = dataset_name(config)
    with DatasetCache(work.root, name) as data:
        keeper = _keeper(work, data.keep)
        callbacks = [keeper, *work.callbacks]
        if not run.config.is_file():
            _say(work, f"run {work.order.run} begins")
            result = pipeline.train(config, callbacks=callbacks, quiet=True)
        else:
            _say(work, f"run {work.order.run} goes on")
            data.bring(recorded_dataset(run))
            overrides = _overrides(run, config)
            result = pipeline.resume(
                run, epochs=config.epochs, overrides=overrides, root=work.root, callbacks=callbacks, quiet=True
            )
        if keeper.is_out_of_time and result.interrupted:
            raise OutOfTime(f"{config.domain}: the time of this attempt is up after {result.epochs} epochs")
        if result.interrupted or work.signals.heard is not None:
            raise KeyboardInterrupt
        work.figures = pipeline.evaluate(run, root=work.root, quiet=True).figures
        return result


def _keeper(work: _Work, on_begin: Callable[[], object]) -> Keeper:
    from nsm.cloud.keeper import COMMIT_SECONDS, Keeper

    every = COMMIT_SECONDS if work.commit_seconds is None else work.commit_seconds
    return Keeper(work.volume, work.log, work.signals, deadline=work.deadline, every=every, on_begin=on_begin)


def _overrides(run: Run, config: Config) -> list[str]:
    """What an order changes of a run that it goes on with.

    Raises:
        ConfigError: If that would make it another training.
    """
    from nsm.training.recovery import FREE_KEYS

    before = load_config(run.config)
    fixed = set(Config.model_fields) - FREE_KEYS - {"own", "planning", "causal", "kg"}
    told = before.domain_table.model_dump(), config.domain_table.model_dump()
    changed = sorted(key for key in fixed if getattr(before, key) != getattr(config, key))
    changed += [f"{config.domain}.{key}" for key in told[1] if told[0].get(key) != told[1][key]]
    if changed:
        hint = "leave them as they were, or name another run"
        raise ConfigError(f"the run is there with other settings: {', '.join(changed)}", file=run.folder, hint=hint)
    free = FREE_KEYS - {"epochs", "root", "run", "cache"}
    wanted = {key: getattr(config, key) for key in sorted(free) if getattr(before, key) != getattr(config, key)}
    return [f"{key}={value}" for key, value in wanted.items() if value is not None]


def _promote(work: _Work, result: TrainResult) -> dict[str, Any]:
    """Looks at what others have promoted meanwhile, and promotes again; gives the figures of the training."""
    from nsm.cloud.promotion import promote_again

    gc.collect()  # nothing may hold a file of the volume open
    work.volume.commit()
    with suppress(NSMError):  # in use: then the promotion stands that the training made
        work.volume.reload()
    promote_again(work.config, result.run)
    return {
        "epochs": result.epochs,
        "best_epoch": result.best_epoch,
        "best_val_acc": result.best_val_acc,
        "training_seconds": sum(record["resources"]["seconds"] for record in result.run.read_history()),
    }


def _told(
    order: Order, log: AttemptLog, *, state: str, why: str | None = None, figures: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "domain": order.domain,
        "run": order.run,
        "state": state,
        "why": why,
        "attempts": log.to_json(),
        "figures": dict(figures or {}),
    }
