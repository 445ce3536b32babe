"""Graphs on which graph networks tend to break, as PyTorch Geometric objects."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.data import Batch, Data

NUM_RELATIONS = 3
IN_CHANNELS = 7

SHAPES: dict[str, tuple[int, list[tuple[int, int]]]] = {
    "single node": (1, []),
    "isolated nodes": (5, []),
    "single edge": (2, [(0, 1)]),
    "self-loops": (3, [(0, 0), (1, 1), (1, 2), (2, 2)]),
    "only a self-loop": (1, [(0, 0)]),
    "parallel edges": (3, [(0, 1), (0, 1), (0, 1), (1, 0), (1, 2)]),
    "components": (9, [(0, 1), (1, 2), (3, 4), (5, 6), (6, 7), (7, 5)]),
    "cycle": (8, [(i, (i + 1) % 8) for i in range(8)]),
    "star": (9, [(0, i) for i in range(1, 9)]),
    "inward star": (9, [(i, 0) for i in range(1, 9)]),
    "path": (12, [(i, i + 1) for i in range(11)]),
    "complete": (6, [(i, j) for i in range(6) for j in range(6) if i != j]),
    "duplicate nodes": (6, [(0, 4), (1, 4), (2, 4), (3, 4), (4, 5)]),
}


def odd_graph(name: str, dtype: torch.dtype = torch.float32) -> Data:
    """One of :data:`SHAPES` with random features, relations, confidences and tie keys (fixed by the name)."""
    num_nodes, edges = SHAPES[name]
    generator = torch.Generator().manual_seed(sum(map(ord, name)))
    x = torch.randn(num_nodes, IN_CHANNELS, generator=generator, dtype=dtype)
    if name == "duplicate nodes":
        x[:4] = x[0].clone()
    edge_type = torch.randint(0, NUM_RELATIONS, (len(edges),), generator=generator)
    if name == "parallel edges":
        edge_type[:2] = 1
    return Data(
        x=x,
        edge_index=torch.tensor(edges, dtype=torch.long).reshape(-1, 2).t().contiguous(),
        edge_type=edge_type,
        edge_weight=torch.rand(len(edges), generator=generator, dtype=dtype),
        tie_key=torch.randint(0, 2**31, (num_nodes,), generator=generator),
        y=torch.randint(0, 2, (1,), generator=generator),
    )


def odd_batch(dtype: torch.dtype = torch.float32) -> Batch:
    """All odd graphs in one batch."""
    return Batch.from_data_list([odd_graph(name, dtype) for name in SHAPES])


def permuted(data: Data, order: Tensor) -> Data:
    """The same graph with node ``order[i]`` in place ``i`` and its edges shuffled."""
    place = torch.empty_like(order)
    place[order] = torch.arange(order.numel())
    shuffle = torch.randperm(data.edge_type.numel(), generator=torch.Generator().manual_seed(1))
    return Data(
        x=data.x[order],
        edge_index=place[data.edge_index][:, shuffle],
        edge_type=data.edge_type[shuffle],
        edge_weight=data.edge_weight[shuffle],
        tie_key=data.tie_key[order],
        y=data.y,
    )


def second_gradient(out: Tensor, x: Tensor) -> None:
    """Differentiates the gradient of an output once more, beside a term that has a gradient anyhow."""
    (grad,) = torch.autograd.grad(out.square().sum(), x, create_graph=True)
    (x.square().sum() + grad.sum()).backward()
