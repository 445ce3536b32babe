"""One graph for many queries, against a loop over edges."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nsm.nn import QueryEdges

NODES, RELATIONS, QUERIES = 5, 2, 3


@settings(deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(0, 12))
def test_agrees_with_a_loop(seed: int, count: int) -> None:
    torch.manual_seed(seed)
    edge_index = torch.randint(NODES, (2, count))
    edge_type, weight = torch.randint(RELATIONS, (count,)), torch.rand(count)
    reached = torch.rand(NODES, QUERIES) < 0.6
    hidden = torch.rand(count, QUERIES) < 0.3
    edges = QueryEdges(edge_index, edge_type, weight, NODES, RELATIONS)
    hidden_edge, hidden_query = hidden.nonzero(as_tuple=True)
    found = edges.messages(edges.visible(QUERIES, hidden_edge, hidden_query), reached)
    expected = []
    for query in range(QUERIES):
        for edge, (head, tail) in enumerate(edge_index.t().tolist()):
            relation = int(edge_type[edge])
            for src, dst, kind in ((head, tail, relation), (tail, head, relation + RELATIONS)):
                if not hidden[edge, query] and reached[src, query]:
                    expected.append((kind, src * QUERIES + query, dst * QUERIES + query, float(weight[edge])))
    count_of = Counter((kind, dst) for kind, _, dst, _ in expected)
    wanted = sorted((kind, src, dst, w / math.sqrt(count_of[kind, dst])) for kind, src, dst, w in expected)
    kinds = found.relation
    columns = (kinds.tolist(), found.src.tolist(), found.dst.tolist(), found.coefficient.tolist())
    told = sorted(zip(*columns, strict=True))
    assert [row[:3] for row in told] == [row[:3] for row in wanted]
    assert [row[3] for row in told] == pytest.approx([row[3] for row in wanted], rel=1e-5)
    assert found.num_dst == NODES * QUERIES
