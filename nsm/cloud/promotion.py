"""The best model of a domain on the volume, where several launches may have trained at once."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from nsm.analysis.run_results import read_tables
from nsm.errors import CheckpointError
from nsm.pipeline.datasets import default_dataset_name
from nsm.runs import Run
from nsm.training.checkpoints import load_checkpoint, promote

if TYPE_CHECKING:
    from nsm.config import Config

__all__ = ["promote_again", "promote_fetched", "recorded_dataset"]


def promote_again(config: Config, run: Run) -> list[Path]:
    """Puts a run's best model where the domain's best one is kept, if it is better than what is there now.

    The place of its data set is compared again, since another container may have committed there since. The place of
    the domain itself belongs to the default data; until a run on these takes it, runs on other data fill it, so that
    ``<domain>/best_model.pt`` is there to be fetched after any training.

    Returns:
        The places that were taken.
    """
    assert config.root is not None
    home = config.root / config.domain
    default = default_dataset_name(config.domain)
    dataset = recorded_dataset(run)
    taken = []
    own = home / "best_model.pt" if dataset in (None, default) else home / str(dataset) / "best_model.pt"
    if promote(run.best, own):
        taken.append(own)
    general = home / "best_model.pt"
    is_open = _fingerprint(general) in (None, _fingerprint(run.best))
    if own != general and is_open and promote(run.best, general):
        taken.append(general)
    return taken


def promote_fetched(fetched: Path, place: Path, *, is_ours: bool) -> bool:
    """Puts a best model that has come from the volume in its place, if it is better than the one here.

    Args:
        fetched: What has come.
        place: ``<root>/<domain>/best_model.pt``, or that of a data set.
        is_ours: Whether the one here, if there is one, was made here; then it also stays if it is of other data.

    Returns:
        Whether the place was taken.
    """
    if is_ours and _fingerprint(place) not in (None, _fingerprint(fetched)):
        return False
    is_taken = promote(fetched, place)
    if is_taken:
        shutil.copystat(fetched, place)
    return is_taken


def recorded_dataset(run: Run) -> str | None:
    """The name of the data set that a run was trained on; None where its ``config.toml`` does not tell."""
    name = read_tables(run)[1].get("dataset")
    return None if name is None else str(name)


def _fingerprint(checkpoint: Path) -> str | None:
    """That of the data of a checkpoint; None where there is no whole one."""
    try:
        return str(load_checkpoint(checkpoint)["data_fingerprint"])
    except CheckpointError:
        return None
