"""Trivial features and gradient boosting as a model: what can be known of a graph without reasoning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from nsm.data.baseline import count_batch
from nsm.data.probes import LEAVES, ROUNDS, booster
from nsm.models.output import Output

if TYPE_CHECKING:
    from nsm.data.packed import PackedGraphs
    from nsm.data.triples import Schema

__all__ = ["Boosting"]

ABSENT = -30.0  # the score of a class that no training graph has
CHUNK = 1024  # graphs whose features are counted at a time


class Boosting(nn.Module):
    r"""Counts what a graph is made of and asks boosted trees, which are fitted to the training graphs once.

    The trees are kept as tensors, so that a checkpoint holds them and opens without running anything that it says. What
    the steps of a training train is a scale and a bias of their scores :math:`f`:

    .. math:: z = a f + b

    Before :meth:`fit` there are no trees, and it answers as :class:`~nsm.models.majority.Majority` does.

    Args:
        schema: The vocabularies, which say what is counted.
        seed: Seed of the fit.

    References:
        Friedman, Greedy Function Approximation: A Gradient Boosting Machine, Annals of Statistics 2001; fitted by
        scikit-learn's ``HistGradientBoostingClassifier``, with the settings of the audit's probes.
    """

    feature: Tensor
    threshold: Tensor
    child: Tensor
    value: Tensor
    baseline: Tensor

    def __init__(self, schema: Schema, seed: int = 0) -> None:
        super().__init__()
        self.schema, self.seed, classes = schema, seed, len(schema.labels)
        self.scale, self.bias = nn.Parameter(torch.ones(())), nn.Parameter(torch.zeros(classes))
        # two classes need one tree in each round, more need one for each
        shape = (ROUNDS, classes if classes > 2 else 1, 2 * LEAVES - 1)
        self.register_buffer("feature", torch.zeros(shape, dtype=torch.int64))
        self.register_buffer("threshold", torch.zeros(shape, dtype=torch.float64))
        self.register_buffer("child", torch.zeros((*shape, 2), dtype=torch.int64))  # of a leaf itself
        self.register_buffer("value", torch.zeros(shape, dtype=torch.float64))
        self.register_buffer("baseline", torch.zeros(shape[1], dtype=torch.float64))

    def fit(self, graphs: PackedGraphs) -> None:
        """Fits the trees; where only one class is there, or all graphs are alike, there is nothing to fit.

        A class that no graph has is never answered.
        """
        from threadpoolctl import threadpool_limits

        starts = range(0, len(graphs), CHUNK)
        chunks = (graphs.batch(range(start, min(start + CHUNK, len(graphs)))) for start in starts)
        counts = np.concatenate([count_batch(batch, self.schema) for batch in chunks])
        present = np.unique(graphs.labels)
        if len(present) < 2 or not (counts != counts[:1]).any():
            return
        with threadpool_limits(limits=1):
            fitted = booster(self.seed).fit(counts, graphs.labels)
        self.take(fitted, present)

    def take(self, fitted: Any, present: npt.NDArray[np.int64]) -> None:
        """Copies the trees of a classifier of scikit-learn that was fitted to these classes, in ascending order."""
        columns = present[1:] if len(present) == 2 else present  # of two classes one tree tells the second
        if len(self.baseline) == 1:
            columns = np.zeros(1, np.int64)
        else:
            self.baseline.fill_(ABSENT)[torch.from_numpy(present)] = 0.0
        self.baseline[torch.from_numpy(columns)] = torch.from_numpy(fitted._baseline_prediction.ravel())
        for (number, which), tree in np.ndenumerate(np.array(fitted._predictors, dtype=object)):
            self._keep((number, int(columns[which])), tree.nodes)

    def _keep(self, place: tuple[int, int], nodes: Any) -> None:
        """Copies a fitted tree, whose nodes say where their children are."""
        numbers, is_leaf = np.arange(len(nodes)), nodes["is_leaf"].astype(bool)
        child = np.stack([np.where(is_leaf, numbers, nodes[side].astype(np.int64)) for side in ("left", "right")], 1)
        columns = {"feature": nodes["feature_idx"].astype(np.int64), "threshold": nodes["num_threshold"]}
        columns |= {"child": child, "value": np.where(is_leaf, nodes["value"], 0.0)}
        for name, column in columns.items():
            getattr(self, name)[place][: len(nodes)] = torch.from_numpy(np.ascontiguousarray(column))

    def forward(self, data: Any, *, reconstruct: bool = True) -> Output:
        """Scores our batch or PyTorch Geometric's; reconstructs nothing, whatever is asked."""
        del reconstruct
        device = self.scale.device
        counts = torch.from_numpy(count_batch(data, self.schema)).to(device, torch.float64)
        scores = self.scores(counts).to(self.scale.dtype)
        batch = getattr(data, "batch", None)
        batch = torch.zeros(data.num_nodes, dtype=torch.long, device=device) if batch is None else batch
        return Output(self.scale * scores + self.bias, None, None, batch)

    def scores(self, counts: Tensor) -> Tensor:
        """What the trees say.

        Shapes:
            - **counts**: ``(G, F)`` float64; output: ``(G, K)``, of two classes zero for the first.
        """
        rounds, trees, size = self.feature.shape
        feature, threshold, child = self.feature.flatten(), self.threshold.flatten(), self.child.view(-1, 2)
        root = torch.arange(rounds * trees, device=counts.device) * size
        node = root.expand(len(counts), -1)
        for _ in range(LEAVES - 1):  # as deep as a tree of so many leaves can be
            is_right = counts.gather(1, feature[node]) > threshold[node]
            node = root + child[node, is_right.long()]
        total = self.value.flatten()[node].view(len(counts), rounds, trees).sum(1) + self.baseline
        return torch.cat((torch.zeros_like(total), total), 1) if trees == 1 else total
