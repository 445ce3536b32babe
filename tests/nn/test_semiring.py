"""The laws of a commutative semiring on confidences."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from nsm.nn import NoisyOr

confidence = st.floats(0, 1, width=32)


def add(*values: float) -> torch.Tensor:
    return NoisyOr().sum(torch.tensor(values, dtype=torch.float64), torch.zeros(len(values), dtype=torch.long), 1)


def times(a: float, b: float) -> float:
    return NoisyOr().product(torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64)).item()


@given(confidence, confidence, confidence)
def test_sum_and_product_are_commutative_and_associative(a: float, b: float, c: float) -> None:
    torch.testing.assert_close(add(a, b, c), add(c, a, b))
    torch.testing.assert_close(add(add(a, b).item(), c), add(a, add(b, c).item()))
    assert times(a, b) == times(b, a)
    assert abs(times(times(a, b), c) - times(a, times(b, c))) < 1e-12


@given(confidence)
def test_zero_and_one_are_neutral_and_zero_absorbs(a: float) -> None:
    torch.testing.assert_close(add(a, 0.0), torch.tensor([a], dtype=torch.float64))
    assert times(a, 1.0) == a
    assert times(a, 0.0) == 0.0
    assert add(a, 1.0).item() == 1.0


@given(confidence, confidence)
def test_sum_stays_in_range_and_never_falls(a: float, b: float) -> None:
    total = add(a, b).item()
    assert max(a, b) - 1e-12 <= total <= 1.0
