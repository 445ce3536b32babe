"""Queries of link prediction, against dictionaries."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nsm.data.links import link_queries

TRIPLES = st.sets(st.tuples(st.integers(0, 4), st.integers(0, 2), st.integers(0, 4)), max_size=20)


@given(triples=TRIPLES)
def test_every_fact_is_asked_for_in_both_directions(triples: set[tuple[int, int, int]]) -> None:
    rows = np.array(sorted(triples), np.int64).reshape(-1, 3)
    queries = link_queries(rows[:, 0], rows[:, 1], rows[:, 2], 3)
    expected: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for fact, (head, relation, tail) in enumerate(rows.tolist()):
        expected[head, relation].append((tail, fact))
        expected[tail, relation + 3].append((head, fact))
    keys = list(zip(queries.source.tolist(), queries.relation.tolist(), strict=True))
    assert keys == sorted(expected)
    assert len(queries) == len(keys)
    for row, key in enumerate(keys):
        position, place = queries.of(np.array([row]))
        answers = zip(queries.answer[position].tolist(), queries.fact[position].tolist(), strict=True)
        assert sorted(answers) == sorted(expected[key])
        assert (place == 0).all()


def test_of_keeps_the_order_of_rows_and_find_is_its_inverse() -> None:
    queries = link_queries(np.array([0, 0, 1]), np.array([0, 0, 0]), np.array([1, 2, 2]), 1)
    position, place = queries.of(np.array([2, 0]))  # (1, r, ?) reversed comes after (1, r, ?)
    assert place.tolist() == [0, 1, 1]
    assert queries.answer[position].tolist() == [0, 1, 2]
    found = queries.find(np.array([1, 0, 2, 2]), np.array([1, 0, 1, 0]))
    assert found.tolist() == [2, 0, 3, -1]
