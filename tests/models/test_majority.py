"""The majority class, learned as any model learns."""

from __future__ import annotations

import torch

from nsm.models import compute_loss
from nsm.models.majority import Majority
from tests.nn.odd_graphs import odd_batch, odd_graph


def test_it_comes_to_answer_the_most_frequent_class() -> None:
    batch = odd_batch()
    batch.y = torch.arange(batch.num_graphs) % 3 // 2  # two of three are of class 0
    model = Majority(2)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    for _ in range(50):
        optimizer.zero_grad()
        compute_loss(model(batch), batch).total.backward()
        optimizer.step()
    output = model(batch)
    assert output.reconstructed is None
    assert output.logits.shape == (batch.num_graphs, 2)
    share = (batch.y == 0).double().mean()
    torch.testing.assert_close(
        output.logits.softmax(1)[:, 0].double(), share.expand(batch.num_graphs), rtol=0.02, atol=0
    )
    assert torch.equal(model(odd_graph("path")).logits, output.logits[:1])
