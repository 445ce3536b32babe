"""Deterministic splits by group; equal samples are found first, so that none is on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt

from nsm.errors import DataError

__all__ = ["Unique", "assign_splits", "drop_torn", "find_unique", "renumber"]

Array = npt.NDArray[Any]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Unique:
    """Which samples to keep so that no two have the same content.

    Args:
        keep: ``(G,)`` bool.
        duplicates: Number of samples dropped because another one has the same content and label.
        contradictory: Number dropped because another one has the same content and another label: no model can
            tell them apart.
        partners: Number dropped because the other sample of their pair was.
    """

    keep: npt.NDArray[np.bool_]
    duplicates: int
    contradictory: int
    partners: int = 0


def find_unique(content: Array, label: Array, rank: Array) -> Unique:
    """Keeps one sample of each content: that of lowest rank, the first one among equals.

    Shapes:
        - **content**: ``(G,)`` uint64 hashes; **label**, **rank**: ``(G,)`` integers.
    """
    keep = np.zeros(len(content), bool)
    if not len(content):
        return Unique(keep, 0, 0)
    by_content = np.lexsort((rank, content))
    sorted_content, sorted_label = content[by_content], label[by_content]
    is_first = np.concatenate([[True], sorted_content[1:] != sorted_content[:-1]])
    starts = np.flatnonzero(is_first)
    lowest, highest = np.minimum.reduceat(sorted_label, starts), np.maximum.reduceat(sorted_label, starts)
    sizes = np.diff(np.append(starts, len(content)))
    is_clear = lowest == highest
    keep[by_content[starts[is_clear]]] = True
    return Unique(keep, int((sizes[is_clear] - 1).sum()), int(sizes[~is_clear].sum()))


def drop_torn(unique: Unique, pair: Index) -> Unique:
    """Drops what is left of a pair when one of its samples is dropped, so that twins stay together.

    Shapes:
        - **pair**: ``(G,)`` ids.
    """
    is_torn = np.bincount(pair[~unique.keep], minlength=int(pair.max(initial=-1)) + 1) > 0
    return replace(unique, keep=unique.keep & ~is_torn[pair], partners=int((unique.keep & is_torn[pair]).sum()))


def renumber(group: Array) -> tuple[Index, Index]:
    """Numbers groups by first appearance: the new ids ``(G,)``, and the old id of each new one."""
    old, first, inverse = np.unique(group, return_index=True, return_inverse=True)
    by_first = np.argsort(first)
    place = np.empty_like(by_first)
    place[by_first] = np.arange(len(by_first))
    return place[inverse], old[by_first]


def assign_splits(
    group: Index, names: Sequence[str], stratum: Sequence[str], shares: Sequence[float], seed: int
) -> npt.NDArray[np.uint8]:
    """Puts whole groups into train, val and test, so that each stratum has the shares, counted in samples.

    Groups come in an order that a hash of (seed, name) fixes, and each goes where most is missing; what a
    stratum cannot divide is made good in the next. A split with a share gets at least one group if possible.

    Args:
        group: Group of each sample, 0 to len(names) - 1, ``(G,)``.
        names: Name of each group.
        stratum: Stratum of each group.
        shares: Shares of train, val and test; they sum to one.
        seed: Another seed gives another split.

    Shapes:
        - output: ``(G,)`` uint8, 0 train, 1 val, 2 test.

    Raises:
        DataError: If the shares are not three numbers from 0 to 1 with the sum 1.
    """
    wanted = np.asarray(shares, np.float64)
    if wanted.shape != (3,) or (wanted < 0).any() or abs(wanted.sum() - 1) > 1e-9:
        raise DataError(f"expected shares of train, val and test with the sum 1, got {tuple(shares)}")
    sizes = np.bincount(group, minlength=len(names))
    drawn = [sha256(f"{seed}:{name}".encode()).digest() for name in names]
    of_group = np.zeros(len(names), np.uint8)
    missing = np.zeros(3)
    for each in sorted(set(stratum)):
        members = [g for g, other in enumerate(stratum) if other == each]
        quota = wanted * sizes[members].sum()
        missing += quota
        smallest = quota[quota > 0].min(initial=np.inf)
        # A group larger than the smallest split goes first: it fits into train only.
        for g in sorted(members, key=lambda g: (sizes[g] <= smallest, drawn[g])):
            split = int(np.argmax(np.where(wanted > 0, missing, -np.inf)))
            of_group[g] = split
            missing[split] -= sizes[g]
    _fill_empty(of_group, sizes, wanted)
    return of_group[group]


def _fill_empty(of_group: npt.NDArray[np.uint8], sizes: Index, wanted: npt.NDArray[np.float64]) -> None:
    """Gives each empty split that should hold something the smallest group of the richest split."""
    for split in np.flatnonzero(wanted > 0):
        counts = np.bincount(of_group, minlength=3)
        richest = int(counts.argmax())
        if not counts[split] and counts[richest] > 1:
            members = np.flatnonzero(of_group == richest)
            of_group[members[sizes[members].argmin()]] = split
