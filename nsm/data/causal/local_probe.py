"""A probe that looks at the query and its direct causes and effects only, and not at what lies further away."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nsm.data.probes import ProbeScore, boosted_predictions, score_probe

if TYPE_CHECKING:
    from nsm.data.packed import PackedGraphs

__all__ = ["local_probes", "neighbour_features"]

NAME = "next to the query"
CATEGORIES = ("family", "reach")  # columns by whose values the score is broken down
CHUNK = 1024  # graphs gathered at a time

Floats = npt.NDArray[np.float32]


def local_probes(graphs: PackedGraphs, *, seed: int = 0) -> tuple[ProbeScore, ...]:
    """Scores the probe on all graphs, by rung, and by where twins differ; cross-validated by group.

    It is reported and fails nothing: an observed cause right beside the query is a reason, and no leak. A model's
    accuracy is to be read against it.

    Args:
        graphs: Causal graphs.
        seed: Seed of the folds and of the boosting.
    """
    labels, groups = np.asarray(graphs.labels, dtype=np.int64), np.asarray(graphs.groups)
    features = neighbour_features(graphs)
    predicted = boosted_predictions(features, labels, groups, seed=seed)
    parts = {"": np.arange(len(labels))}
    for column in CATEGORIES:
        if column in graphs.table.column_names:
            values = np.array(graphs.table[column].to_pylist())
            parts |= {str(value): np.flatnonzero(values == value) for value in np.unique(values)}
    return tuple(
        replace(
            score_probe(
                NAME,
                predicted[rows],
                labels[rows],
                groups[rows],
                probes=len(parts),
                features=features.shape[1],
                feature=part,
            ),
            judged=False,
        )
        for part, rows in parts.items()
    )


def neighbour_features(graphs: PackedGraphs) -> Floats:
    """What stands at each query, and the sums over its neighbours by direction and relation.

    A sum adds up the features of the neighbours, once as they are and once times the strength of the triple.

    Shapes:
        - output: ``(G, F)``; columns that are the same everywhere are left out.
    """
    schema, parts = graphs.schema, []
    query, num_values = schema.roles.index("query"), len(schema.values)
    for first in range(0, len(graphs), CHUNK):
        batch = graphs.batch(range(first, min(first + CHUNK, len(graphs))))
        value = batch.x[:, batch.x.shape[1] - num_values :].numpy()
        edge, relation, strength = batch.edge_index.numpy(), batch.edge_type.numpy(), batch.edge_weight.numpy()
        (asked,) = np.nonzero(batch.role.numpy() == query)
        of = np.full(len(value), -1)
        of[asked] = np.arange(len(asked))
        sums = np.zeros((len(asked), 2, len(schema.relations), 2, num_values), dtype=np.float32)
        for direction, (here, there) in enumerate((edge[::-1], edge)):
            rows = np.flatnonzero(of[here] >= 0)
            beside = value[there[rows]]
            both = np.stack([beside, beside * strength[rows, None]], axis=1)
            np.add.at(sums[:, direction], (of[here[rows]], relation[rows]), both)
        kind = np.eye(len(schema.node_types), dtype=np.float32)[batch.node_type.numpy()[asked]]
        parts.append(np.hstack([kind, value[asked], sums.reshape(len(asked), -1)]))
    found = np.concatenate(parts)
    return found[:, found.min(axis=0) < found.max(axis=0)]
