"""Intervals over seeds, and the difference of two models on the same graphs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nsm.analysis.metrics import Interval, bootstrap_interval

__all__ = [
    "PairedDifference",
    "SeededDifference",
    "grouped_bootstrap",
    "mcnemar",
    "paired_difference",
    "seeded_difference",
    "t_interval",
]

Array = npt.NDArray[Any]

RESAMPLES = 500


@dataclass(frozen=True)
class PairedDifference:
    """How much more often a first model is right than a second one, on the same graphs.

    Attributes:
        difference: Accuracy of the first minus accuracy of the second.
        low, high: 95 % interval, by resampling whole groups.
        only_first, only_second: Graphs that only one of them judges rightly.
        p: McNemar's exact p: how likely so uneven a split of these is, if both were equally good. It takes graphs as
            independent, which twins are not; the interval does not.
        samples: Number of graphs.
    """

    difference: float
    low: float
    high: float
    only_first: int
    only_second: int
    p: float
    samples: int


@dataclass(frozen=True)
class SeededDifference:
    """How much more often a first model is right than a second one, over several trainings of both.

    Attributes:
        difference: Accuracy of the first minus accuracy of the second, over all graphs of all seeds.
        low, high: 95 % interval, by resampling seeds and whole groups.
        by_seed: The difference of each seed.
        samples: Number of graphs, those of each seed counted.
    """

    difference: float
    low: float
    high: float
    by_seed: tuple[float, ...]
    samples: int


def t_interval(values: Array) -> Interval:
    """95 % interval of the mean of independent runs, by Student's t.

    Raises:
        ValueError: For fewer than two values.

    Example:
        >>> interval = t_interval(np.array([0.9, 0.92, 0.94]))
        >>> round(interval.low, 3), round(interval.high, 3)
        (0.87, 0.97)
    """
    from scipy.stats import t

    count = len(values)
    if count < 2:
        raise ValueError(f"expected at least two values, got {count}")
    width = float(t.ppf(0.975, count - 1)) * float(np.std(values, ddof=1)) / math.sqrt(count)
    mean = float(np.mean(values))
    return Interval(mean - width, mean + width)


def mcnemar(only_first: int, only_second: int) -> float:
    """The exact two-sided p of McNemar's test; 1 where the two never disagree.

    Example:
        >>> mcnemar(0, 6), mcnemar(3, 3)
        (0.03125, 1.0)
    """
    from scipy.stats import binomtest

    total = only_first + only_second
    return float(binomtest(only_first, total).pvalue) if total else 1.0


def paired_difference(first: Array, second: Array, groups: Array, *, seed: int = 0) -> PairedDifference:
    """Compares two models graph by graph.

    Args:
        first: Whether the first model is right about each graph.
        second: Whether the second one is.
        groups: The group of each graph.
        seed: Seed of the resampling.

    Shapes:
        - all arguments: ``(G,)``, at least one graph.
    """
    one, other = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    gained = one.astype(np.float64) - other
    interval = bootstrap_interval(gained, groups, seed=seed)
    only_first, only_second = int((one & ~other).sum()), int((other & ~one).sum())
    return PairedDifference(
        float(gained.mean()),
        interval.low,
        interval.high,
        only_first,
        only_second,
        mcnemar(only_first, only_second),
        len(gained),
    )


def seeded_difference(
    pairs: Sequence[tuple[Array, Array, Array]], *, seed: int = 0, resamples: int = 2000
) -> SeededDifference:
    """Compares two models seed by seed and graph by graph.

    What is drawn again is both the seeds and the groups. A group that several seeds were tested on is drawn for all of
    them together, so that a test set which they share does not count several times.

    Args:
        pairs: For each seed whether the first model is right about each graph, whether the second one is, and the
            group of each graph; equal names are one group in all seeds.
        seed: Seed of the resampling.
        resamples: How often seeds and groups are drawn.

    Raises:
        ValueError: If there is no seed.
    """
    if not pairs:
        raise ValueError("expected at least one seed, got none")
    gained = [np.asarray(one, dtype=np.float64) - np.asarray(other, dtype=np.float64) for one, other, _ in pairs]
    names, index = np.unique(
        np.concatenate([np.asarray(groups).astype(str) for *_, groups in pairs]), return_inverse=True
    )
    places = np.split(index, np.cumsum([len(one) for one in gained])[:-1])
    total = np.stack([np.bincount(at, one, len(names)) for at, one in zip(places, gained, strict=True)])
    count = np.stack([np.bincount(at, minlength=len(names)) for at in places])
    generator, found = np.random.default_rng(seed), np.empty(resamples)
    for draw in range(resamples):
        seeds = np.bincount(generator.integers(0, len(pairs), len(pairs)), minlength=len(pairs))
        groups = np.bincount(generator.integers(0, len(names), len(names)), minlength=len(names))
        graphs = seeds @ (count @ groups)
        found[draw] = seeds @ (total @ groups) / graphs if graphs else np.nan
    low, high = np.nanquantile(found, (0.025, 0.975))
    by_seed = tuple(float(one.mean()) for one in gained)
    return SeededDifference(float(total.sum() / count.sum()), float(low), float(high), by_seed, int(count.sum()))


def grouped_bootstrap(
    measure: Callable[[Array], float | None], groups: Array, *, seed: int = 0, resamples: int = RESAMPLES
) -> Interval:
    """95 % percentile interval of any figure, by resampling whole groups.

    Args:
        measure: The figure of the graphs at some positions; None where it is not defined for them.
        groups: The group of each graph, ``(G,)``.
        seed: Seed of the resampling.
        resamples: How often the groups are drawn.
    """
    _, index = np.unique(groups, return_inverse=True)
    order = np.argsort(index, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(index))[:-1])
    generator, found = np.random.default_rng(seed), []
    for _ in range(resamples):
        drawn = generator.integers(0, len(members), len(members))
        value = measure(np.concatenate([members[number] for number in drawn]))
        if value is not None:
            found.append(value)
    low, high = np.quantile(found, (0.025, 0.975)) if found else (np.nan, np.nan)
    return Interval(float(low), float(high))
