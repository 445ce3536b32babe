"""What is read from the reconstruction: the term of the loss."""

from __future__ import annotations

import torch
from torch.nn import functional

from nsm.models.decoder import NodeDecoder


def test_the_mean_over_the_nodes_of_each_graph() -> None:
    torch.manual_seed(0)
    decoder = NodeDecoder(4, 3, 2)
    x, types, roles = torch.randn(5, 4), torch.tensor([0, 1, 2, 0, 1]), torch.tensor([1, 0, 0, 1, 1])
    found = decoder(x, types, roles, torch.tensor([0, 0, 0, 2, 2]), 3)
    each = [
        -functional.log_softmax(decoder.of_type(x), 1)[node, types[node]]
        - functional.log_softmax(decoder.of_role(x), 1)[node, roles[node]]
        for node in range(5)
    ]
    expected = torch.stack([torch.stack(each[:3]).mean(), torch.zeros(()), torch.stack(each[3:]).mean()])
    torch.testing.assert_close(found, expected)


def test_it_learns_to_read_and_teaches_what_it_reads() -> None:
    torch.manual_seed(0)
    decoder, types, roles = NodeDecoder(6, 3, 2), torch.arange(60) % 3, torch.arange(60) % 2
    x = functional.one_hot(types, 6).float().requires_grad_()  # the role is not in it
    batch = torch.zeros(60, dtype=torch.long)
    optimizer = torch.optim.Adam(decoder.parameters(), lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        decoder(x, types, roles, batch, 1).sum().backward()
        optimizer.step()
    assert (decoder.of_type(x).argmax(1) == types).all()
    assert abs(decoder(x, types, roles, batch, 1).item() - 0.6931) < 0.05  # that of a coin is left
    assert x.grad is not None and x.grad.abs().sum() > 0
