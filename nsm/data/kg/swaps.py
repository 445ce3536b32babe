"""Negatives by tail swaps: two facts (h1, r, t1), (h2, r, t2) of one relation give (h1, r, t2) and (h2, r, t1).

Heads and tails of true and false triples then have the same marginals, exactly and for each relation, so neither a
degree nor the kind of entity that a relation takes gives a label away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nsm.data.kg.graph import FACT_SPLITS, Facts, Ints, KnowledgeGraph

__all__ = ["Swaps", "swap_tails"]

ROUNDS = 24  # times that facts left over are shuffled and paired again
DRAWN_PER_PAIR = 16  # facts looked at for each pair that is wanted


@dataclass(frozen=True, eq=False)
class Swaps:
    """Pairs of facts whose tails change places; each gives two true and two false triples.

    Shapes:
        - **relation**: ``(P,)``; **head**, **tail**: ``(P, 2)``; fact ``i`` of a pair is (head[i], relation, tail[i]).
        - **split**: ``(P,)`` positions in `FACT_SPLITS`.
    """

    relation: Ints
    head: Ints
    tail: Ints
    split: Ints

    def __len__(self) -> int:
        return len(self.relation)

    def take(self, rows: npt.NDArray[np.int64]) -> Swaps:
        """Some of the pairs."""
        return Swaps(self.relation[rows], self.head[rows], self.tail[rows], self.split[rows])


def swap_tails(graph: KnowledgeGraph, *, most: tuple[int, int, int], seed: int) -> Swaps:
    """Pairs the facts of each split, relation by relation.

    The four entities of a pair are distinct, both swapped triples are unknown in every split, no fact is in two
    pairs, and no false triple comes from two pairs. What cannot be paired so is left out.

    Args:
        graph: The facts.
        most: Most pairs of train, valid and test.
        seed: Another seed gives other pairs.
    """
    taken: set[int] = set()  # false triples that have been made
    parts = []
    for code, split in reversed(list(enumerate(FACT_SPLITS))):  # few test facts, which should all find a partner
        rng = np.random.default_rng([seed, code])
        facts = graph.splits[split]
        pairs = _pair(graph, facts, rng, most[code], taken)
        first, second = facts.take(pairs[:, 0]), facts.take(pairs[:, 1])
        head, tail = np.stack([first.head, second.head], 1), np.stack([first.tail, second.tail], 1)
        parts.append(Swaps(first.relation, head, tail, np.full(len(pairs), code)))
    parts.reverse()
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])}
    return Swaps(**columns)


def _pair(graph: KnowledgeGraph, facts: Facts, rng: np.random.Generator, most: int, taken: set[int]) -> Ints:
    """Positions of the two facts of each pair, ``(P, 2)``."""
    left = np.flatnonzero(facts.head != facts.tail)
    left = rng.permutation(left)[: most * DRAWN_PER_PAIR]  # of a million facts few are needed
    found = [np.empty((0, 2), np.int64)]
    for _ in range(ROUNDS):
        shuffled = rng.permutation(left)
        shuffled = shuffled[np.argsort(facts.relation[shuffled], kind="stable")]
        relation = facts.relation[shuffled]
        place = np.arange(len(relation)) - np.searchsorted(relation, relation)  # within the relation
        one = np.flatnonzero((place[:-1] % 2 == 0) & (relation[:-1] == relation[1:]))
        pairs = np.stack([shuffled[one], shuffled[one + 1]], axis=1)
        pairs = _untaken(graph, facts, pairs[_can_swap(graph, facts, pairs)], taken)
        found.append(pairs)
        left = np.setdiff1d(left, pairs)
    joined = np.concatenate(found)[:most]
    return joined[np.lexsort((joined[:, 1], joined[:, 0]))]


def _can_swap(graph: KnowledgeGraph, facts: Facts, pairs: Ints) -> npt.NDArray[np.bool_]:
    first, second = facts.take(pairs[:, 0]), facts.take(pairs[:, 1])
    is_distinct = (first.head != second.head) & (first.tail != second.tail)
    is_distinct &= (first.head != second.tail) & (second.head != first.tail)
    is_known = graph.is_known(first.head, first.relation, second.tail)
    is_known |= graph.is_known(second.head, first.relation, first.tail)
    return np.asarray(is_distinct & ~is_known)


def _untaken(graph: KnowledgeGraph, facts: Facts, pairs: Ints, taken: set[int]) -> Ints:
    """The pairs whose false triples no earlier pair has given; theirs are added to ``taken``."""
    first, second = facts.take(pairs[:, 0]), facts.take(pairs[:, 1])
    one = graph.keys(first.head, first.relation, second.tail).tolist()
    other = graph.keys(second.head, first.relation, first.tail).tolist()
    kept = []
    for row, false in enumerate(zip(one, other, strict=True)):
        if taken.isdisjoint(false):
            taken.update(false)
            kept.append(row)
    return pairs[kept]
