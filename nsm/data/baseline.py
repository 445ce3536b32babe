"""The baseline below every network: trivial features and gradient boosting, fitted on one set, asked about another."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nsm.data.probes import PROBES, boost
from nsm.data.trivial import GROUPS, FeatureTable, as_arrays, trivial_features

if TYPE_CHECKING:
    from nsm.data.packed import PackedGraphs
    from nsm.data.triples import Schema

__all__ = ["count_batch", "trivial_predictions"]

LARGEST = PROBES["all features"]


def count_batch(batch: Any, schema: Schema) -> npt.NDArray[np.float32]:
    """The features that the audit's largest probe sees, of one batch: the columns that the schema alone determines.

    Levels are left out, which a graph made elsewhere may not have.

    Args:
        batch: Our batch or PyTorch Geometric's, or one graph; on any device.
        schema: The vocabularies.

    Shapes:
        - output: ``(G, F)``.
    """
    arrays = as_arrays(batch, schema, has_level=False)
    columns = [column for group in LARGEST for column in GROUPS[group](arrays).values()]
    return np.stack(columns, axis=1).astype(np.float32)


def trivial_predictions(train: PackedGraphs, test: PackedGraphs, *, seed: int = 0) -> npt.NDArray[np.int64]:
    """Predicted classes of the test graphs, ``(T,)``, from all features that the audit's largest probe sees.

    Columns that the training graphs do not have are not looked at; those that only they have are zero.
    """
    from threadpoolctl import threadpool_limits

    known, asked = _features(train), _features(test)
    place = {name: column for column, name in enumerate(asked.names)}
    values = np.zeros((len(test), len(known.names)), np.float32)
    for column, name in enumerate(known.names):
        if name in place:
            values[:, column] = asked.values[:, place[name]]
    with threadpool_limits(limits=1):
        return boost(known.values, train.labels, values, seed=seed)


def _features(graphs: PackedGraphs) -> FeatureTable:
    tables = trivial_features(graphs, keep_constant=True)
    return reduce(FeatureTable.beside, [tables[part] for part in LARGEST])
