"""Queries of link prediction: (head, relation, ?) and, under the reversed relation, (?, relation, tail)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nsm.data.packing import gather_ranges, offsets

__all__ = ["LinkGraph", "LinkQueries", "link_queries"]

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LinkGraph:
    """The facts that a link scorer sees.

    Shapes:
        - **head**, **relation**, **tail**: ``(F,)`` int64; **confidence**: ``(F,)`` float32.
    """

    head: Ints
    relation: Ints
    tail: Ints
    confidence: npt.NDArray[np.float32]
    num_entities: int
    num_relations: int


@dataclass(frozen=True, eq=False)
class LinkQueries:
    """Distinct queries with all their answers, sorted by source and relation.

    Shapes:
        - **source**, **relation**: ``(Q,)``; relations from ``num_relations`` on ask for heads.
        - **answer**: ``(A,)``, query after query; **fact**: ``(A,)`` position of the fact that each comes from;
          **ptr**: ``(Q + 1,)``.
    """

    source: Ints
    relation: Ints
    answer: Ints
    fact: Ints
    ptr: Ints

    def __len__(self) -> int:
        return len(self.source)

    def of(self, rows: Array) -> tuple[Ints, Ints]:
        """Positions in ``answer`` of some queries' answers, and for each the place of its query in ``rows``."""
        counts = self.ptr[rows + 1] - self.ptr[rows]
        return gather_ranges(self.ptr[rows], counts), np.repeat(np.arange(len(rows)), counts)

    def find(self, source: Ints, relation: Ints) -> Ints:
        """The row of each query, -1 where it has no answer."""
        keys = list(zip(self.source.tolist(), self.relation.tolist(), strict=True))
        rows = {key: row for row, key in enumerate(keys)}
        return np.array([rows.get(key, -1) for key in zip(source.tolist(), relation.tolist(), strict=True)], np.int64)


def link_queries(head: Ints, relation: Ints, tail: Ints, num_relations: int) -> LinkQueries:
    """Both queries of each fact; equal ones become one query with several answers."""
    source = np.concatenate([head, tail])
    asked = np.concatenate([relation, relation + num_relations])
    answer = np.concatenate([tail, head])
    fact = np.tile(np.arange(len(head)), 2)
    order = np.lexsort((answer, asked, source))
    source, asked, answer, fact = source[order], asked[order], answer[order], fact[order]
    is_first = np.append(True, (np.diff(source) != 0) | (np.diff(asked) != 0))[: len(source)]
    first = np.flatnonzero(is_first)
    counts = np.diff(np.append(first, len(source)))
    return LinkQueries(source[first], asked[first], answer, fact, offsets(counts))
