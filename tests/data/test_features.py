"""Node features by their formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from nsm.data.features import node_features, sinusoid
from nsm.data.triples import Schema
from tests.data.odd_source import SCHEMA


def test_sinusoid_by_its_formula() -> None:
    wavelengths = np.geomspace(2.5, 256, 4)
    waves = sinusoid(torch.tensor([7]), 8)[0].tolist()
    expected = [math.sin(2 * math.pi * 7 / w) for w in wavelengths]
    expected += [math.cos(2 * math.pi * 7 / w) for w in wavelengths]
    assert waves == pytest.approx(expected, abs=1e-6)


def test_no_order_is_zero_and_orders_differ() -> None:
    waves = sinusoid(torch.arange(-1, 100), 32)
    assert not waves[0].any()
    distance = torch.cdist(waves, waves) + 9 * torch.eye(len(waves))
    assert distance.min() > 0.1  # no two of a hundred steps look alike


def test_features_are_their_blocks() -> None:
    order = torch.tensor([-1, 2, 300])  # 300 is beyond the first table
    value = torch.tensor([[0.5, 1.0], [2.0, 3.0], [4.0, 5.0]])
    x = node_features(SCHEMA, torch.tensor([2, 0, 1]), torch.tensor([0, 1, 2]), order, value)
    assert x.shape == (3, SCHEMA.in_channels)
    assert x.dtype == torch.float32
    assert torch.equal(x[:, :3], torch.eye(3)[[2, 0, 1]])
    assert torch.equal(x[:, 3:6], torch.eye(3))
    torch.testing.assert_close(x[:, 6:14], sinusoid(order, 8))
    assert torch.equal(x[:, 14:], value)


def test_features_without_order_and_values() -> None:
    plain = Schema("plain", ("a", "b"), ("none",), ("r",), ("no", "yes"), order_channels=0)
    x = node_features(plain, torch.tensor([1]), torch.tensor([0]), torch.tensor([-1]), torch.empty(1, 0))
    assert x.tolist() == [[0.0, 1.0, 1.0]]


def test_features_of_no_nodes() -> None:
    none = torch.empty(0, dtype=torch.int64)
    assert node_features(SCHEMA, none, none, none, torch.empty(0, 2)).shape == (0, SCHEMA.in_channels)
