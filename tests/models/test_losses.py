"""Losses: centred relative error, means over graphs."""

from __future__ import annotations

import pytest
import torch

from nsm.config import Config
from nsm.models import Output, compute_loss, reconstruction_error


class Labelled:
    y = torch.tensor([0, 1])


def test_a_constant_guess_scores_one_whatever_the_offset() -> None:
    batch = torch.tensor([0, 0, 0, 1, 1])
    target = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)) + 100.0
    mean = torch.stack([target[:3].mean(0), target[3:].mean(0)])[batch]
    torch.testing.assert_close(reconstruction_error(mean, target, batch, 2), torch.ones(2), rtol=1e-4, atol=1e-4)
    assert reconstruction_error(target, target, batch, 2).max() < 1e-5


def test_a_graph_of_one_node_has_a_finite_error() -> None:
    target = torch.tensor([[3.0, 4.0]])
    error = reconstruction_error(torch.zeros(1, 2), target, torch.tensor([0]), 1)
    assert error.tolist() == pytest.approx([1.0])


def test_total_is_task_plus_weighted_cycle_and_flat_models_have_no_cycle() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    batch = torch.tensor([0, 0, 1])
    target = torch.eye(3)
    output = Output(logits, target * 0.5, target, batch)
    losses = compute_loss(output, Labelled, cycle_weight=0.3)
    torch.testing.assert_close(losses.task, torch.nn.functional.cross_entropy(logits, Labelled.y))
    torch.testing.assert_close(losses.cycle, reconstruction_error(target * 0.5, target, batch, 2).mean())
    torch.testing.assert_close(losses.total, losses.task + 0.3 * losses.cycle)
    usual = compute_loss(output, Labelled)
    torch.testing.assert_close(usual.total, losses.task + Config().cycle_weight * losses.cycle)
    flat = compute_loss(Output(logits, None, None, batch), Labelled, cycle_weight=0.3)
    assert flat.cycle.item() == 0.0 and torch.equal(flat.total, flat.task)


def test_levels_and_balance_count_as_means_where_there_are_any() -> None:
    logits, batch = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0, 1])
    levels = [torch.tensor([[1.0, 0.0], [3.0, 0.0]]), torch.zeros(2, 2)]
    output = Output(logits, None, None, batch, levels, torch.tensor([0.5, 1.0]))
    losses = compute_loss(output, Labelled, auxiliary_weight=0.2, balance_weight=0.1)
    mean = sum(torch.nn.functional.cross_entropy(level, Labelled.y) for level in levels) / 2
    torch.testing.assert_close(losses.auxiliary, mean)
    torch.testing.assert_close(losses.total, losses.task + 0.2 * losses.auxiliary + 0.1 * 0.75)
    assert torch.equal(compute_loss(output, Labelled).total, losses.task)
    flat = compute_loss(Output(logits, None, None, batch), Labelled, auxiliary_weight=0.2, balance_weight=0.1)
    assert flat.auxiliary.item() == flat.balance.item() == 0.0 and torch.equal(flat.total, flat.task)


def test_what_is_not_read_from_the_reconstruction_counts_with_its_error() -> None:
    logits, batch = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0, 1])
    rebuilt, target, miss = torch.zeros(3, 2), torch.randn(3, 2), torch.tensor([0.5, 1.0])
    losses = compute_loss(Output(logits, rebuilt, target, batch, undecoded=miss), Labelled, 0.4, decode_weight=0.2)
    torch.testing.assert_close(losses.decode, torch.tensor(0.75))
    torch.testing.assert_close(losses.total, losses.task + 0.4 * losses.cycle + 0.4 * 0.2 * 0.75)
    unread = compute_loss(Output(logits, rebuilt, target, batch), Labelled, 0.4, decode_weight=0.2)
    assert unread.decode.item() == 0.0
    left = compute_loss(Output(logits, rebuilt, target, batch, undecoded=miss), Labelled, 0.0, decode_weight=0.2)
    assert left.decode.item() == 0.0 and torch.equal(left.total, left.task)  # in a step without the reconstruction
    torch.testing.assert_close(unread.total, losses.task + 0.4 * losses.cycle)


def test_the_target_receives_no_gradient() -> None:
    target = torch.randn(3, 2, requires_grad=True)
    reconstructed = torch.randn(3, 2, requires_grad=True)
    output = Output(torch.zeros(2, 2), reconstructed, target.detach(), torch.tensor([0, 1, 1]))
    compute_loss(output, Labelled).total.backward()
    assert target.grad is None and reconstructed.grad is not None
