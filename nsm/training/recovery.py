"""Going on where a run stands: its newest whole checkpoint, and a folder that agrees with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nsm.errors import CheckpointError
from nsm.runs import Run
from nsm.runs.files import remove_leftovers
from nsm.training.checkpoints import load_checkpoint, write_checkpoint
from nsm.training.seeds import seed_everything
from nsm.training.state import restore

if TYPE_CHECKING:
    from nsm.config import Config
    from nsm.training.trainer import Trainer

__all__ = ["FREE_KEYS", "newest_checkpoint", "recover", "require_same_training"]

FREE_KEYS = frozenset(
    {
        *("epochs", "patience", "save_every", "save_minutes", "keep", "accumulate", "recompute"),
        *("accelerator", "devices", "threads", "workers", "root", "run", "cache"),
    }
)
"""What may differ between a run and its continuation: how long, how often saved, where computed."""

KEPT_APART = ("resources", "gradient_norms")  # tables of an epoch that no checkpoint holds

Tell = Callable[[str], object]


def recover(trainer: Trainer) -> None:
    """Puts a trainer where its run stands, and cuts the run's history back to there.

    A run without a checkpoint begins at the beginning. Only the first of several processes changes files.

    Raises:
        CheckpointError: If no checkpoint is whole, or if they are of another training.
    """
    run = trainer.run
    found = newest_checkpoint(run, trainer.notify)
    if found is not None:
        path, checkpoint = found
        require_same_training(trainer.config, trainer.data_fingerprint, checkpoint, path)
        restore(trainer, checkpoint, path)
    elif not trainer.position.step:
        seed_everything(trainer.config.seed)  # whatever has been drawn since the weights were
    if trainer.processes.is_lead:
        _tidy(trainer, None if found is None else found[0])
    trainer.position = trainer.processes.share(trainer.position)


def _tidy(trainer: Trainer, checkpoint: Path | None) -> None:
    """Makes a run's folder agree with the checkpoint that it goes on from."""
    remove_leftovers(trainer.run.folder)
    if checkpoint is not None or not trainer.history:
        _cut_history(trainer)
    if checkpoint is None:
        return
    if trainer.position.best_epoch:
        _mend_best(trainer, checkpoint)
    if trainer.position.batch == 0 and trainer.position.epoch:
        trainer.retention.complete(checkpoint, trainer.position.epoch)


def newest_checkpoint(run: Run, tell: Tell) -> tuple[Path, dict[str, Any]] | None:
    """The checkpoint that has come furthest, of those that are whole; None where there is none at all.

    Args:
        run: The run.
        tell: Told of each damaged one.

    Raises:
        CheckpointError: If none of them is whole, or one is of another format.
    """
    whole: list[tuple[Path, dict[str, Any]]] = []
    paths = run.checkpoints
    for path in paths:
        try:
            whole.append((path, load_checkpoint(path)))
        except CheckpointError as failure:
            if len(paths) == 1 or "of format" in failure.message:
                raise
            tell(f"{failure.file}: {failure.message}")
        if path == run.last and whole:
            break  # nothing is newer
    if not whole:
        if paths:
            raise CheckpointError("no checkpoint of the run is whole", file=run.folder, hint="train again")
        return None
    newest = max(whole, key=lambda found: (found[1]["position"]["epoch"], found[1]["position"]["batch"]))
    if newest[0] != run.last:
        tell(f"going on from {newest[0].name}, of epoch {newest[1]['epoch']}")
    return newest


def require_same_training(config: Config, data_fingerprint: str, checkpoint: dict[str, Any], path: Path) -> None:
    """Makes sure that going on from a checkpoint is going on with the same training.

    Raises:
        CheckpointError: If it is of other data or another configuration.
    """
    if checkpoint["data_fingerprint"] != data_fingerprint:
        told = f"{checkpoint['data_fingerprint'][:12]}, got {data_fingerprint[:12]}"
        hint = "bring back the data that the run was trained on, or begin a new run"
        raise CheckpointError(f"the data are others: expected the fingerprint {told}", file=path, hint=hint)
    before, now = (_settings(config, table) for table in (checkpoint["config"], config.to_json()))
    changed = [key for key in now if key in before and before[key] != now[key]]
    if changed:
        told = ", ".join(f"{key} from {before[key]} to {now[key]}" for key in changed)
        hint = f"a run can only change {', '.join(sorted(FREE_KEYS))}; for the rest begin a new one"
        raise CheckpointError(f"the configuration has changed: {told}", file=path, hint=hint)


def _settings(config: Config, table: dict[str, Any]) -> dict[str, Any]:
    """What must not differ of a configuration as plain values: no folder of the user's data, which may be moved."""
    moved = {key for key, value in config.domain_table if isinstance(value, Path)}
    domain = {
        f"{config.domain}.{key}": value for key, value in table.get(config.domain, {}).items() if key not in moved
    }
    return {key: value for key, value in table.items() if key not in FREE_KEYS and not isinstance(value, dict)} | domain


def _cut_history(trainer: Trainer) -> None:
    """Leaves the epochs of the checkpoint in the history, with what only the history keeps of them."""
    written = {line["epoch"]: line for line in trainer.run.read_history()}
    trainer.history = [
        replace(record, **{name: written.get(record.epoch, {}).get(name, {}) for name in KEPT_APART})
        for record in trainer.history
    ]
    if list(written) != [record.epoch for record in trainer.history] or trainer.run.is_history_torn:
        trainer.run.rewrite_history([record.to_json() for record in trainer.history])


def _mend_best(trainer: Trainer, source: Path) -> None:
    """Sees to it that ``best_model.pt`` is that of the best epoch so far."""
    run, best_epoch = trainer.run, trainer.position.best_epoch
    for path in (run.best, source, run.epoch_checkpoint(best_epoch)):
        try:
            checkpoint = load_checkpoint(path)
        except CheckpointError as failure:
            if path.exists():
                trainer.notify(f"{failure.file}: {failure.message}")
            continue
        if checkpoint["epoch"] == best_epoch and checkpoint["position"]["batch"] == 0:
            if path != run.best:
                write_checkpoint(run.best, path.read_bytes())
            return
    trainer.notify(f"the best model so far, of epoch {best_epoch}, is lost; the best of the epochs to come is kept")
    trainer.position.forget_best()
