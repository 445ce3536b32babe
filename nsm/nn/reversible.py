"""Reversible message passing: the coupling layers of a normalising flow, conditioned on the graph."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from nsm.nn.graph import RelationalGraph
from nsm.nn.recomputation import Coupling, run_couplings
from nsm.nn.update import RelationalUpdate

PART_STRIDE = 0x9E3779B97F4A7C15  # odd and without pattern, so that no part repeats the mask of another step


@dataclass
class DropoutKey:
    """What a dropout mask is a function of, so that the inverse map can draw the same mask again.

    Args:
        seed: Seed of the run.
        step: Optimisation step; the trainer advances it.
        part: Which of the parts of a step that are computed one after the other, or side by side in several
            processes.
    """

    seed: int = 0
    step: int = 0
    part: int = 0


class KeyedDropout(nn.Module):
    """Dropout whose mask depends on (seed, step, part, place) only.

    Args:
        p: Probability of dropping a value, in ``[0, 1)``.
        place: Number of this layer in the model.
        key: Shared seed and step.
    """

    def __init__(self, p: float, place: int, key: DropoutKey) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout must be in [0, 1), got {p}")
        self.p, self.place, self.key = p, place, key

    def forward(self, x: Tensor) -> Tensor:
        """Masks ``x`` in training mode; the identity otherwise."""
        if not self.training or self.p == 0:
            return x
        seed = (self.key.seed * 1_000_003 + self.key.step) * 8191 + self.place + self.key.part * PART_STRIDE
        generator = torch.Generator(device=x.device).manual_seed(seed % (2**63))
        keep = torch.rand(x.shape, generator=generator, device=x.device) >= self.p
        return x * keep / (1 - self.p)


class ReversibleBlock(nn.Module):
    r"""One coupling layer: :math:`a \leftarrow a + f(b)`, then :math:`b \leftarrow b + g(a)`.

    Args:
        channels: Number of features, even; each half has ``channels / 2``.
        num_relations: Number of relations, reverses included.
        dropout: Probability of dropping a value of an update.
        place: Number of this block in the model.
        key: What the dropout masks are a function of.

    Shapes:
        - **a**, **b** and outputs: ``(N, channels / 2)``.

    References:
        Gomez et al., The Reversible Residual Network, NeurIPS 2017; Li et al., Training Graph Neural Networks
        with 1000 Layers, ICML 2021.
    """

    def __init__(self, channels: int, num_relations: int, dropout: float, place: int, key: DropoutKey) -> None:
        super().__init__()
        if channels % 2:
            raise ValueError(f"channels must be even to be split in halves, got {channels}")
        half = channels // 2
        self.f = RelationalUpdate(half, half, half, num_relations, scale=0.5)
        self.g = RelationalUpdate(half, half, half, num_relations, scale=0.5)
        self.drop_f = KeyedDropout(dropout, 2 * place, key)
        self.drop_g = KeyedDropout(dropout, 2 * place + 1, key)

    def forward(self, a: Tensor, b: Tensor, graph: RelationalGraph) -> tuple[Tensor, Tensor]:
        """Two additions."""
        a = a + self.drop_f(self.f(b, graph.messages)).to(a.dtype)
        b = b + self.drop_g(self.g(a, graph.messages)).to(b.dtype)
        return a, b

    def inverse(self, a: Tensor, b: Tensor, graph: RelationalGraph) -> tuple[Tensor, Tensor]:
        """Two subtractions, in the opposite order."""
        b = b - self.drop_g(self.g(a, graph.messages)).to(b.dtype)
        a = a - self.drop_f(self.f(b, graph.messages)).to(a.dtype)
        return a, b


class ReversibleStack(nn.Module):
    """The coupling layers of one level.

    Args:
        blocks: The layers, first to last.
        recompute: What is computed again in the backward pass, see :func:`~nsm.nn.recomputation.run_couplings`.

    Shapes:
        - **x** and output: ``(N, channels)``.
    """

    def __init__(self, blocks: list[ReversibleBlock], recompute: str = "none") -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.recompute = recompute

    def forward(self, x: Tensor, graph: RelationalGraph) -> Tensor:
        """Passes messages within the level."""
        return run_couplings(self._couplings(graph), x, self.recompute)

    def inverse(self, x: Tensor, graph: RelationalGraph) -> Tensor:
        """Undoes :meth:`forward` up to rounding."""
        steps = [Coupling(step.undo, step.apply, step.weights) for step in reversed(self._couplings(graph))]
        return run_couplings(steps, x, self.recompute)

    def _couplings(self, graph: RelationalGraph) -> list[Coupling]:
        found = []
        for block in self.blocks:
            assert isinstance(block, ReversibleBlock)
            found.append(Coupling(partial(block, graph=graph), partial(block.inverse, graph=graph), block.parameters))
        return found
