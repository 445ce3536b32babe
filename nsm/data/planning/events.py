"""What happens to each fact first and last in a plan: one hop from the fact, and no step between is looked at.

A fact that is wanted before anything has made it true, or a goal that is ended and not made again, shows here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nsm.data.planning.graphs import STEP_RELATIONS
from nsm.data.trivial import FeatureTable

if TYPE_CHECKING:
    from nsm.data.packed import PackedGraphs

CHUNK = 2048  # graphs looked at together


def event_features(graphs: PackedGraphs) -> FeatureTable:
    """For each graph, how many facts of each role are first, and how many are last, touched in each way.

    Shapes:
        - ``values``: ``(G, 2 x roles x relations of steps)``.
    """
    chunks = [_count(graphs, range(at, min(at + CHUNK, len(graphs)))) for at in range(0, len(graphs), CHUNK)]
    names = [
        f"facts {role!r}, {which} event {relation}"
        for which in ("first", "last")
        for role in graphs.schema.roles
        for relation in STEP_RELATIONS
    ]
    return FeatureTable(tuple(names), np.concatenate(chunks).astype(np.float32))


def _count(graphs: PackedGraphs, positions: range) -> npt.NDArray[np.int64]:
    batch, width = graphs.batch(positions), len(graphs.schema.roles) * len(STEP_RELATIONS)
    head, tail = batch.edge_index.numpy()
    place = np.full(len(graphs.schema.relations), -1)
    for index, name in enumerate(STEP_RELATIONS):
        place[graphs.schema.relations.index(name)] = index
    event = place[batch.edge_type.numpy()]
    is_event = event >= 0
    head, tail, event = head[is_event], tail[is_event], event[is_event]
    # a step that both needs and adds a fact needs it first: relations are numbered in that order
    order = np.lexsort((event, batch.order.numpy()[head], tail))
    fact, event = tail[order], event[order]
    is_first = np.append(True, fact[1:] != fact[:-1])[: len(fact)]
    columns = []
    for chosen in (is_first, np.append(is_first[1:], True)[: len(fact)]):
        cell = batch.batch.numpy()[fact] * width + batch.role.numpy()[fact] * len(STEP_RELATIONS) + event
        columns.append(np.bincount(cell[chosen], minlength=len(positions) * width).reshape(len(positions), width))
    return np.hstack(columns)
