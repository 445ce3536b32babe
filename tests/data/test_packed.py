"""Batches are what their graphs are one by one; evidence and provenance stay beside them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nsm.data.batch import GraphBatch
from nsm.data.features import node_features
from nsm.data.packed import PackedGraphs
from nsm.data.triples import Evidence, Sample
from nsm.errors import DataError
from tests.data.odd_source import SCHEMA, odd_sample

NODE_FIELDS = ("x", "node_type", "role", "order", "tie_key")
EDGE_FIELDS = ("edge_type", "edge_weight", "edge_level")


def original(graphs: PackedGraphs, position: int) -> Sample:
    """The sample as the source made it."""
    return odd_sample(graphs.table["number"][position].as_py())


def test_a_batch_holds_the_samples(odd_graphs: PackedGraphs) -> None:
    positions = [9, 0, 3, 3, 2, 1]
    batch = odd_graphs.batch(positions)
    for place, position in enumerate(positions):
        sample = original(odd_graphs, position)
        nodes = batch.batch == place
        by_relation = np.lexsort((sample.head, sample.tail, sample.relation))
        edges = torch.isin(batch.edge_index[0], torch.where(nodes)[0])
        columns = [torch.from_numpy(np.asarray(c)) for c in (sample.node_type, sample.role, sample.order)]
        for found, column in zip((batch.node_type, batch.role, batch.order), columns, strict=True):
            assert found[nodes].tolist() == column.tolist()
        expected = node_features(SCHEMA, *columns, torch.from_numpy(sample.value))
        assert torch.equal(batch.x[nodes], expected)
        ends = np.stack([sample.head, sample.tail])[:, by_relation]
        assert (batch.edge_index[:, edges] - batch.ptr[place]).tolist() == ends.tolist()
        assert batch.edge_type[edges].tolist() == sample.relation[by_relation].tolist()
        assert batch.edge_weight[edges].tolist() == sample.confidence[by_relation].tolist()
        assert batch.edge_level[edges].tolist() == sample.level[by_relation].tolist()
        assert batch.y[place] == sample.label
    assert batch.index.tolist() == positions
    assert batch.num_graphs == len(positions)
    assert (batch.num_nodes, batch.num_edges) == (len(batch.x), len(batch.edge_type))


@given(positions=st.lists(st.integers(0, 63), min_size=0, max_size=12))
@settings(max_examples=30, deadline=None)
def test_a_batch_is_its_graphs_side_by_side(odd_graphs: PackedGraphs, positions: list[int]) -> None:
    batch = odd_graphs.batch(positions)
    singles = [odd_graphs.batch([position]) for position in positions]
    for name in (*NODE_FIELDS, *EDGE_FIELDS, "y", "index"):
        pieces = [getattr(single, name) for single in singles]
        assert torch.equal(getattr(batch, name), torch.cat([getattr(batch, name)[:0], *pieces]))
    ends = [single.edge_index + start for single, start in zip(singles, batch.ptr[:-1], strict=True)]
    assert torch.equal(batch.edge_index, torch.cat([batch.edge_index[:, :0], *ends], dim=1))
    assert batch.ptr.tolist() == [0, *np.cumsum([single.num_nodes for single in singles])]
    assert torch.equal(batch.batch, torch.repeat_interleave(torch.arange(len(positions)), batch.ptr.diff()))


def test_pyg_makes_the_same_batch(odd_graphs: PackedGraphs) -> None:
    from torch_geometric.loader import DataLoader

    ours = [odd_graphs.batch(range(i, min(i + 10, 64))) for i in range(0, 64, 10)]
    for mine, theirs in zip(ours, DataLoader(odd_graphs, batch_size=10), strict=True):
        for name in (*NODE_FIELDS, *EDGE_FIELDS, "edge_index", "y", "batch", "ptr"):
            assert torch.equal(getattr(mine, name), getattr(theirs, name)), name
            assert getattr(mine, name).dtype == getattr(theirs, name).dtype, name
        assert mine.num_graphs == theirs.num_graphs


def test_evidence_survives_batching_and_reordering(odd_graphs: PackedGraphs) -> None:
    view = odd_graphs.subset(np.random.default_rng(0).permutation(64)).subset("train")
    positions = [7, 2, 2, 11, *range(20)]
    batch, evidence = view.batch(positions), view.batch_evidence(positions)
    assert len(evidence.triples) > 10
    for place, position in enumerate(positions):
        sample = original(view, position)
        nodes = evidence.nodes[evidence.node_graph == place] - batch.ptr[place]
        assert nodes.tolist() == sorted(sample.evidence_nodes)
        told = [_statement(sample, triple) for triple in sample.evidence_triples]
        found = evidence.triples[evidence.triple_graph == place].tolist()
        assert sorted(_statement_of(batch, place, edge) for edge in found) == sorted(told)


def _statement(sample: Sample, triple: int) -> tuple[float, ...]:
    columns = (sample.head, sample.relation, sample.tail, sample.confidence)
    return tuple(float(column[triple]) for column in columns)


def _statement_of(batch: GraphBatch, place: int, edge: int) -> tuple[float, ...]:
    head, tail = (batch.edge_index[:, edge] - batch.ptr[place]).tolist()
    return head, int(batch.edge_type[edge]), tail, float(batch.edge_weight[edge])


def test_evidence_is_never_an_input(odd_graphs: PackedGraphs) -> None:
    inputs = {*vars(odd_graphs.batch([2])), *odd_graphs[2].keys()}
    assert not [name for name in inputs if "evidence" in name or name in ("names", "source", "info")]


def test_a_sample_comes_back(odd_graphs: PackedGraphs) -> None:
    for position in range(16):
        sample, first = odd_graphs.sample(position), original(odd_graphs, position)
        sample.check(SCHEMA)
        by_relation = np.lexsort((first.head, first.tail, first.relation))
        assert sample.triples(SCHEMA) == [first.triples(SCHEMA)[i] for i in by_relation]
        assert odd_graphs.triple_ids(position).tolist() == by_relation.tolist()
        assert sample.names == first.names
        assert sample.source == first.source == odd_graphs.sources()[position]
        assert (sample.label, sample.group, sample.info) == (first.label, first.group, first.info)
        stored = {sample.triples(SCHEMA)[i] for i in sample.evidence_triples}
        assert stored == {first.triples(SCHEMA)[i] for i in first.evidence_triples}
        assert odd_graphs.evidence(position) == Evidence(sample.evidence_nodes, sample.evidence_triples)


def test_views(odd_graphs: PackedGraphs) -> None:
    splits = [odd_graphs.subset(name) for name in ("train", "val", "test")]
    assert sorted(np.concatenate([view.indices for view in splits]).tolist()) == list(range(64))
    view = splits[0].subset([4, 1])
    assert view.indices.tolist() == splits[0].indices[[4, 1]].tolist()
    assert view.labels.tolist() == odd_graphs.labels[view.indices].tolist()
    assert view.groups.tolist() == odd_graphs.groups[view.indices].tolist()
    assert view.table["number"].to_pylist() == [odd_graphs.table["number"][int(i)].as_py() for i in view.indices]
    assert torch.equal(view.batch([1, 0]).index, torch.from_numpy(view.indices[[1, 0]]))
    assert view.num_graphs == len(view) == 2
    with pytest.raises(DataError, match="'train', 'val' or 'test', got 'dev'"):
        odd_graphs.subset("dev")


def test_the_highest_order_of_a_view(odd_graphs: PackedGraphs) -> None:
    orders = [odd_graphs.batch([position]).order for position in range(4)]
    for position, order in enumerate(orders):
        assert odd_graphs.subset([position]).highest_order == max(order.tolist(), default=-1)
    assert odd_graphs.subset(range(4)).highest_order == int(torch.cat(orders).max())
    assert odd_graphs.subset([]).highest_order == -1


def test_positions_of_any_kind(odd_graphs: PackedGraphs) -> None:
    expected = odd_graphs.batch([62, 63]).x
    for positions in ((62, 63), np.array([62, 63]), torch.tensor([62, 63]), range(62, 64), [-2, -1]):
        assert torch.equal(odd_graphs.batch(positions).x, expected)
    for outside in ([64], [-65]):
        with pytest.raises(IndexError, match="expected positions below 64"):
            odd_graphs.batch(outside)


def test_iteration_ends(odd_graphs: PackedGraphs) -> None:
    assert sum(1 for _ in odd_graphs.subset([0, 1, 2])) == 3


def test_pickling_passes_the_folder_only(odd_graphs: PackedGraphs) -> None:
    odd_graphs.batch([0])
    view = odd_graphs.subset("test")
    content = pickle.dumps(view)
    assert len(content) < 400 + view.indices.nbytes
    again = pickle.loads(content)
    assert torch.equal(again.batch(range(len(view))).x, view.batch(range(len(view))).x)


def test_arrays_are_mapped_and_read_only(odd_graphs: PackedGraphs) -> None:
    batch = odd_graphs.batch(range(64))
    before = batch.edge_weight.clone()
    batch.edge_weight.zero_()
    assert torch.equal(odd_graphs.batch(range(64)).edge_weight, before)
