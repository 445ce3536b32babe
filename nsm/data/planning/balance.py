"""The balance of a fact: how often a plan makes it true, less how often it ends it.

In a plan that works, a fact that nothing adds twice is worth 0 or 1 at the end, and 1 if it is a goal. Whoever only
counts, in whatever order, finds the plans in which it is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nsm.data.trivial import FeatureTable

if TYPE_CHECKING:
    from nsm.data.packed import PackedGraphs

LOWEST, HIGHEST = -2, 3  # balances beyond are counted with these
CHUNK = 2048  # graphs looked at together


def balance_features(graphs: PackedGraphs) -> FeatureTable:
    """For each graph, how many of its facts have which balance, by role.

    Shapes:
        - ``values``: ``(G, roles x balances)``.
    """
    roles, balances = graphs.schema.roles, range(LOWEST, HIGHEST + 1)
    chunks = [_count(graphs, range(at, min(at + CHUNK, len(graphs)))) for at in range(0, len(graphs), CHUNK)]
    names = tuple(f"facts {role!r} with balance {balance:+d}" for role in roles for balance in balances)
    return FeatureTable(names, np.concatenate(chunks).astype(np.float32))


def _count(graphs: PackedGraphs, positions: range) -> npt.NDArray[np.int64]:
    batch, schema = graphs.batch(positions), graphs.schema
    tail, relation = batch.edge_index[1].numpy(), batch.edge_type.numpy()
    worth = np.zeros(len(schema.relations), dtype=np.int64)
    for name, value in {"initial": 1, "adds": 1, "consumes": -1, "deletes": -1}.items():
        worth[schema.relations.index(name)] = value
    balance = np.bincount(tail, worth[relation], minlength=len(batch.batch)).astype(np.int64)
    facts = np.flatnonzero(batch.node_type.numpy() == schema.node_types.index("fact"))
    width = HIGHEST - LOWEST + 1
    column = batch.role.numpy()[facts] * width + balance[facts].clip(LOWEST, HIGHEST) - LOWEST
    width *= len(schema.roles)
    cell = batch.batch.numpy()[facts] * width + column
    return np.bincount(cell, minlength=len(positions) * width).reshape(len(positions), width)
