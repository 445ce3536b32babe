"""Ranking metrics of link prediction: filtered, with ties counted fairly."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["CUTOFFS", "ranking_metrics", "realistic_ranks"]

Array = npt.NDArray[Any]

CUTOFFS = (1, 3, 10)


def realistic_ranks(scores: Array, target: Array, is_candidate: Array) -> npt.NDArray[np.float64]:
    """The rank of each target among the candidates: the mean of the best and the worst that its ties allow.

    Args:
        scores: Scores of all entities, one row per query.
        target: The answer of each query; it counts as a candidate in any case.
        is_candidate: Which entities it is ranked against.

    Shapes:
        - **scores**, **is_candidate**: ``(Q, N)``; **target**, output: ``(Q,)``.

    Raises:
        ValueError: If a score is not a number: it could not be ranked.
    """
    if np.isnan(scores).any():
        raise ValueError("expected scores, got NaN")
    own = scores[np.arange(len(target)), target][:, None]
    others = is_candidate.copy()
    others[np.arange(len(target)), target] = False
    higher, equal = ((scores > own) & others).sum(axis=1), ((scores == own) & others).sum(axis=1)
    return np.asarray(1.0 + higher + equal / 2.0)


def ranking_metrics(ranks: Array) -> dict[str, float]:
    """Mean reciprocal rank, mean rank, and the share of ranks up to 1, 3 and 10.

    Raises:
        ValueError: If there are no ranks.
    """
    if not len(ranks):
        raise ValueError("expected ranks, got none")
    hits = {f"hits_at_{k}": float((ranks <= k).mean()) for k in CUTOFFS}
    return {"mrr": float((1.0 / ranks).mean()), **hits, "mean_rank": float(ranks.mean())}
