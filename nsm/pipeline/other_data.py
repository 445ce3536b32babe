"""Other data than a run was trained on, for its evaluation: longer plans, another network, tables of a later year."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nsm.data.hashing import hash_graphs
from nsm.data.writing import SPLITS
from nsm.errors import ConfigError, DataError
from nsm.pipeline.datasets import load_graphs

if TYPE_CHECKING:
    from nsm.config import Config
    from nsm.data.packed import PackedGraphs
    from nsm.data.triples import Schema

__all__ = ["ALL", "OtherData", "open_other", "require_name"]

ALL = "all"
"""Every graph of a data set, whatever its split."""

DATA_KEYS = frozenset({"domain", "seed", "cache", "workers", "planning", "causal", "kg", "own"})
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class OtherData:
    """Graphs that a run was neither trained nor validated on.

    Attributes:
        config: The run's configuration with the settings of these data.
        graphs: The graphs.
        settings: The settings that differ, as they were given.
        left_out: How many more there were, equal to graphs that it was trained or validated on.
    """

    config: Config
    graphs: PackedGraphs
    settings: Sequence[str]
    left_out: int

    def to_json(self) -> dict[str, Any]:
        """What an evaluation tells of its data."""
        told = {"dataset": self.graphs.folder.name, "fingerprint": self.graphs.fingerprint}
        return {**told, "settings": list(self.settings), "left_out": self.left_out}


def require_name(name: str) -> None:
    """Makes sure that files can carry a name without being taken for those of a split.

    Raises:
        ConfigError: If they cannot.
    """
    if not NAME.fullmatch(name) or name in (*SPLITS, ALL):
        told = (
            f"name: expected letters, digits, '.', '_' and '-', and none of {', '.join((*SPLITS, ALL))}, got {name!r}"
        )
        raise ConfigError(told)


def open_other(
    before: Config,
    config: Config,
    seen: PackedGraphs,
    *,
    settings: Sequence[str] = (),
    split: str = ALL,
    quiet: bool = False,
) -> OtherData:
    """The data of another configuration, without what was seen in training.

    Args:
        before: The configuration of the training.
        config: The same with other settings of the data.
        seen: All graphs that were trained, validated and tested on.
        settings: Those settings as they were given, to be told.
        split: Which graphs of the data set; all by default.
        quiet: Whether to show no progress.

    Raises:
        ConfigError: If something else than the data differs.
        DataError: If the graphs have other vocabularies, or all of them were seen.
    """
    for key in type(config).model_fields:
        if key not in DATA_KEYS and getattr(before, key) != getattr(config, key):
            hint = f"the data are {', '.join(sorted(DATA_KEYS))}"
            raise ConfigError(f"{key}: a run is evaluated on other data, not with other settings", hint=hint)
    found = load_graphs(config, quiet=quiet)
    _require_same_words(seen.schema, found.schema, found.folder)
    asked = found if split == ALL else found.subset(split)
    known = np.concatenate([hash_graphs(seen.subset(part)) for part in ("train", "val")])
    fresh = np.flatnonzero(~np.isin(hash_graphs(asked), known))
    if not len(fresh):
        hint = "choose other settings of the data, such as another seed"
        raise DataError(
            f"of {len(asked):,} graphs there is none that the run has not seen", file=found.folder, hint=hint
        )
    return OtherData(config, asked.subset(fresh), settings, len(asked) - len(fresh))


def _require_same_words(expected: Schema, got: Schema, folder: Path) -> None:
    """Types, roles, relations, labels and values must mean the same: a model knows them by their number."""
    wanted, found = expected.to_json(), got.to_json()
    differing = [name for name in wanted if name != "domain" and wanted[name] != found[name]]
    if differing:
        name = differing[0]
        told = f"the model knows other {name}: expected {wanted[name]}, got {found[name]}"
        raise DataError(told, file=folder, hint="it can be evaluated on data of the same vocabularies only")
