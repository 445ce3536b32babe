"""A knowledge graph in memory: vocabularies, and the facts of its splits as columns of ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["FACT_SPLITS", "Facts", "KnowledgeGraph"]

FACT_SPLITS = ("train", "valid", "test")

Ints = npt.NDArray[np.int64]
Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Facts:
    """Facts as columns; an id is a position in a vocabulary of the graph.

    Shapes:
        - **head**, **relation**, **tail**: ``(F,)`` int64; **confidence**: ``(F,)`` float32 in [0, 1].
    """

    head: Ints
    relation: Ints
    tail: Ints
    confidence: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.head)

    def take(self, rows: Array) -> Facts:
        """Some of the facts, in the given order."""
        return Facts(self.head[rows], self.relation[rows], self.tail[rows], self.confidence[rows])


@dataclass(frozen=True, eq=False)
class KnowledgeGraph:
    """Facts about named entities, in three splits; only those of ``train`` are ever shown to a model.

    Args:
        name: Name of the data set.
        entities: Names of the entities, sorted.
        relations: Names of the relations, sorted.
        splits: The facts of ``train``, ``valid`` and ``test``; no fact is in two of them.
        repeated: Number of lines left out because an earlier line or split states the fact already.
    """

    name: str
    entities: tuple[str, ...]
    relations: tuple[str, ...]
    splits: Mapping[str, Facts]
    repeated: int = 0

    @property
    def num_entities(self) -> int:
        """Number of entities N."""
        return len(self.entities)

    @property
    def num_relations(self) -> int:
        """Number of relations R."""
        return len(self.relations)

    @property
    def train(self) -> Facts:
        """The facts that make up the graph."""
        return self.splits["train"]

    def keys(self, head: Array, relation: Array, tail: Array) -> Ints:
        """One number for each triple of ids, ``(F,)``."""
        return (head * self.num_relations + relation) * self.num_entities + tail

    @cached_property
    def known(self) -> Ints:
        """The sorted numbers of the facts of all splits."""
        facts = [self.splits[name] for name in FACT_SPLITS]
        return np.sort(np.concatenate([self.keys(f.head, f.relation, f.tail) for f in facts]))

    def is_known(self, head: Array, relation: Array, tail: Array) -> npt.NDArray[np.bool_]:
        """Whether each triple is a fact of any split, ``(F,)``."""
        return is_member(self.known, self.keys(head, relation, tail))


def is_member(ordered: Ints, values: Ints) -> npt.NDArray[np.bool_]:
    """Which of the values are among the sorted ones, ``(F,)``."""
    if not len(ordered):
        return np.zeros(len(values), bool)
    place = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    return np.asarray(ordered[place] == values)
