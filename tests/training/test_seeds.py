"""Random states: what was drawn after saving is drawn again after restoring."""

from __future__ import annotations

import io
import random

import numpy as np
import torch
from torch import nn

from nsm.training.seeds import random_states, restore_random_states, seed_everything, set_step


def draw() -> tuple[float, float, float, float]:
    return random.random(), random.gauss(0, 1), float(np.random.normal()), float(torch.rand(()))  # noqa: NPY002


def test_the_same_seed_draws_the_same() -> None:
    seed_everything(3)
    first = draw()
    seed_everything(3)
    assert draw() == first
    seed_everything(4)
    assert draw() != first


def test_states_survive_a_plain_file() -> None:
    seed_everything(3)
    draw()  # leaves the half of a pair of normal draws behind
    buffer = io.BytesIO()
    torch.save(random_states(), buffer)
    expected = draw()
    buffer.seek(0)
    restore_random_states(torch.load(buffer, weights_only=True))
    assert draw() == expected


class Masked(nn.Module):
    def set_step(self, step: int, part: int) -> None:
        self.told = step, part


def test_models_are_told_the_step_if_they_want_to_know() -> None:
    model = Masked()
    set_step(model, 3, 1)
    assert model.told == (3, 1)
    set_step(nn.Linear(1, 1), 3, 1)
