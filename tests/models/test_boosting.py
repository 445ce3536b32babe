"""Boosted trees as a model: what scikit-learn fits is what the tensors say, and they are all that is kept."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch_geometric.loader import DataLoader

from nsm.data.baseline import count_batch, trivial_predictions
from nsm.data.packed import PackedGraphs
from nsm.data.probes import booster
from nsm.data.triples import Schema
from nsm.models.boosting import Boosting
from tests.training.toy_graphs import toy_graphs


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> PackedGraphs:
    return toy_graphs(tmp_path_factory.mktemp("toy"))


def fitted(graphs: PackedGraphs) -> Boosting:
    model = Boosting(graphs.schema)
    model.fit(graphs.subset("train"))
    return model.eval()


def test_it_says_what_the_benchmark_of_trivial_features_says(graphs: PackedGraphs) -> None:
    test = graphs.subset("test")
    output = fitted(graphs)(test.batch(range(len(test))))
    assert output.reconstructed is None and output.logits.requires_grad
    predicted = output.logits.argmax(1).numpy()
    assert (predicted == trivial_predictions(graphs.subset("train"), test)).all()
    assert (predicted == test.labels).all()  # whether a marked node is there can be counted


@pytest.mark.parametrize("classes", [2, 4])
def test_the_tensors_are_the_trees(classes: int) -> None:
    random = np.random.default_rng(classes)
    counts = random.normal(size=(600, 7)).astype(np.float32)
    labels = (counts[:, :2] > 0.2) @ np.array([2, 1]) % classes
    trees = booster(3).fit(counts, labels)
    names = tuple(map(str, range(classes)))
    model = Boosting(Schema("toy", ("a",), ("none",), ("p",), names))
    model.take(trees, np.arange(classes))
    asked = random.normal(size=(200, 7)).astype(np.float32)
    found = model.scores(torch.from_numpy(asked).double()).numpy()
    expected = trees.decision_function(asked)
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(found if classes > 2 else found[:, 1], expected, rtol=1e-6, atol=1e-6)
    assert classes > 2 or not found[:, 0].any()


@pytest.mark.parametrize("present", [[0, 2], [1, 2], [0, 2, 3]])
def test_a_class_that_no_training_graph_has_is_never_answered(present: list[int]) -> None:
    random = np.random.default_rng(len(present))
    counts = random.normal(size=(600, 5)).astype(np.float32)
    labels = np.array(present)[((counts[:, :2] > 0.2) @ np.array([2, 1])) % len(present)]
    trees = booster(3).fit(counts, labels)
    model = Boosting(Schema("toy", ("a",), ("none",), ("p",), tuple("vwxyz")))
    model.take(trees, np.array(present))
    shares = model.scores(torch.from_numpy(counts).double()).softmax(1).numpy()
    np.testing.assert_allclose(shares[:, present], trees.predict_proba(counts), atol=1e-6)
    assert shares[:, [kind for kind in range(5) if kind not in present]].max() < 1e-6


def test_a_state_holds_the_trees(graphs: PackedGraphs) -> None:
    model, other = fitted(graphs), Boosting(graphs.schema)
    batch = graphs.batch(range(20))
    assert not torch.equal(other(batch).logits, model(batch).logits)
    shapes = [{name: weight.shape for name, weight in one.state_dict().items()} for one in (model, other)]
    assert shapes[0] == shapes[1]  # whatever was fitted
    other.load_state_dict(model.state_dict())
    assert torch.equal(other(batch).logits, model(batch).logits)
    assert torch.equal(fitted(graphs)(batch).logits, model(batch).logits)


def test_pytorch_geometrics_batches_and_single_graphs_are_read_alike(graphs: PackedGraphs) -> None:
    model = fitted(graphs)
    ours = model(graphs.batch(range(12))).logits
    theirs = torch.cat([model(batch).logits for batch in DataLoader(graphs, batch_size=5)])[:12]
    assert torch.equal(ours, theirs)
    one = graphs[3]
    assert torch.equal(model(one).logits, ours[3:4])
    assert model(one).batch.tolist() == [0] * one.num_nodes
    assert (count_batch(one, graphs.schema) == count_batch(graphs.batch([3]), graphs.schema)).all()


def test_where_nothing_can_be_fitted_there_are_no_trees(graphs: PackedGraphs) -> None:
    model, of_one_class = Boosting(graphs.schema), graphs.subset(np.flatnonzero(graphs.labels == 1))
    model.fit(of_one_class)
    assert not model.value.any()
    logits = model(of_one_class.batch(range(4))).logits
    assert torch.equal(logits, model.bias.expand(4, -1))
