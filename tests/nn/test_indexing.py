"""Orders and offsets of integers, against numpy's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nsm.nn.indexing import begins_of, circle, offsets_of, on_device, on_host, sizes_of, stable_order

KEYS = st.lists(st.integers(0, 20), max_size=40)


@given(KEYS, st.sampled_from([21, 2**40, 2**61]))
def test_equal_keys_keep_their_order(keys: list[int], bound: int) -> None:
    key = np.array(keys, np.int64)
    assert stable_order(key, bound).tolist() == np.argsort(key, kind="stable").tolist()


@given(KEYS)
def test_offsets_bound_the_runs(keys: list[int]) -> None:
    index = np.sort(np.array(keys, np.int64))
    offsets = offsets_of(index, 21)
    assert offsets.tolist() == np.searchsorted(index, np.arange(22)).tolist()
    assert np.count_nonzero(begins_of(index)) == len(set(keys))
    assert set(index[begins_of(index)].tolist()) == set(keys)
    assert sizes_of(offsets).tolist() == np.diff(offsets).tolist()


@given(st.integers(0, 9), st.integers(0, 9))
def test_a_circle_is_a_roll(count: int, first: int) -> None:
    first = min(first, count)
    assert circle(count, first).tolist() == np.roll(np.arange(count), -first).tolist()


@pytest.mark.parametrize("dtype", [torch.int64, torch.float32, torch.float64])
def test_there_and_back(dtype: torch.dtype) -> None:
    tensor = torch.arange(3, dtype=dtype, requires_grad=dtype.is_floating_point)
    again = on_device(on_host(tensor), tensor.device)
    assert torch.equal(again, tensor) and again.dtype == dtype
