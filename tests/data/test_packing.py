"""Packing sorts edges stably and refuses what does not fit together."""

from __future__ import annotations

import numpy as np
import pytest

from nsm.data.packing import gather_ranges, offsets, pack_samples
from nsm.errors import DataError
from tests.data.odd_source import SCHEMA, odd_sample


def test_ranges() -> None:
    assert gather_ranges(np.array([5, 0, 9]), np.array([2, 0, 3])).tolist() == [5, 6, 9, 10, 11]
    assert gather_ranges(np.array([], int), np.array([], int)).tolist() == []
    assert offsets(np.array([2, 0, 3])).tolist() == [0, 2, 2, 5]


def test_edges_are_sorted_inside_each_graph_and_stably() -> None:
    samples = [odd_sample(number) for number in range(24)]
    arrays = pack_samples(SCHEMA, samples).arrays
    graph = np.repeat(np.arange(24), arrays["num_edges"])
    columns = (graph, arrays["relation"], arrays["tail"], arrays["head"], arrays["triple_id"])
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    assert rows == sorted(rows)


def test_taking_graphs_is_packing_them_alone() -> None:
    samples = [odd_sample(number) for number in range(24)]
    taken = pack_samples(SCHEMA, samples).take(np.array([5, 0, 17]))
    alone = pack_samples(SCHEMA, [samples[5], samples[0], samples[17]])
    assert taken.table.equals(alone.table)
    assert len(taken) == 3
    for name, array in alone.arrays.items():
        assert np.array_equal(taken.arrays[name], array), name


def test_nothing_can_be_packed() -> None:
    part = pack_samples(SCHEMA, [])
    assert len(part) == 0
    assert part.arrays["value"].shape == (0, 2)
    assert part.table.column_names == ["group", "names", "source"]


@pytest.mark.parametrize("info", [{"family": "star"}, {"family": "star", "number": 1, "names": "x"}])
def test_info_columns_must_agree(info: dict[str, str | int | float]) -> None:
    other = odd_sample(1)
    other.info = info
    with pytest.raises(DataError, match="expected the info columns"):
        pack_samples(SCHEMA, [odd_sample(0), other])


def test_an_info_column_has_one_type() -> None:
    other = odd_sample(1)
    other.info = {"family": "star", "number": "one"}
    with pytest.raises(DataError, match="mixes types"):
        pack_samples(SCHEMA, [odd_sample(0), other])
