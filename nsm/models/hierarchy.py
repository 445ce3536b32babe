"""The hierarchy: WHY climbs from concrete triples to abstract ones, WHAT comes back down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nsm.models.decoder import NodeDecoder
from nsm.models.encoder import Encoded, Encoder
from nsm.models.losses import reconstruction_error
from nsm.models.order_scale import OrderScale
from nsm.models.output import LevelErrors, Output
from nsm.nn import (
    Contraction,
    DropoutKey,
    GatedFusion,
    GraphReadout,
    Lifting,
    NoisyOr,
    RelationalGraph,
    ReversibleBlock,
    ReversibleStack,
    cluster_imbalance,
    contract,
)


@dataclass(eq=False)
class Ascent:
    """What WHY returns: everything that WHAT needs to come back.

    Shapes, for the levels ``l = 0 .. L - 1`` with ``N_l`` nodes:
        - **features**: per level ``(N_l, C)``, after its message passing; the last is the abstract level.
        - **entry**: ``(N_{L-1}, C)``, the abstract level before its message passing.
        - **details**: per step up ``(N_l - N_{l+1}, C)``.
        - **plans**: per step up, the stored contraction. **graphs**: per level, its edges.
    """

    features: list[Tensor]
    entry: Tensor
    details: list[Tensor]
    plans: list[Contraction]
    graphs: list[RelationalGraph]


class Hierarchy(nn.Module):
    """Reversible message passing within each level, invertible lifting between levels.

    Args:
        in_channels: Number of node features.
        num_relations: Number of relations, reverses not counted.
        num_classes: Number of classes ``K``.
        channels: Number of features per node, even.
        blocks: Number of reversible blocks of each level; its length is the number of levels.
        refine_blocks: Number of reversible blocks at the concrete level after it has heard from the others, before the
            readout: there the nodes pass on what the levels above have told them.
        pool_ratio: Share of nodes that stay at each step up.
        contraction: ``"typed"`` where edges keep their relations on the way up, ``"untyped"`` where all edges above the
            concrete level are of one relation.
        readout: ``"dual"`` from the abstract level and the concrete one that has heard from it, ``"top"`` from the
            abstract one only.
        dropout: Probability of dropping a value of an update.
        norm: How messages are divided, see :class:`~nsm.nn.graph.RelationalGraph`.
        query_role: Role of the nodes whose own features the readout takes as well; None where nothing is asked of one.
        pooling: How the readout pools, see :class:`~nsm.nn.pooling.GraphReadout`.
        use_level_heads: Whether every level has a readout of its own as well, which teaches and does not decide.
        use_balance: Whether to measure how even the clusters are.
        decodes: Numbers of node types and roles that are read from the reconstruction, which teaches; none by default.
        order: How positions are scaled, see :class:`~nsm.models.order_scale.OrderScale`; None to take them as they are.
        seed: Seed of the dropout masks.
        recompute: What is computed again in the backward pass, see :func:`~nsm.nn.recomputation.run_couplings`.

    Raises:
        ValueError: Without a level, or with an odd number of channels.
    """

    def __init__(
        self,
        in_channels: int,
        num_relations: int,
        num_classes: int,
        *,
        channels: int = 64,
        blocks: Sequence[int] = (2, 2, 2),
        refine_blocks: int = 2,
        pool_ratio: float = 0.5,
        contraction: str = "typed",
        readout: str = "dual",
        dropout: float = 0.0,
        norm: str = "sqrt",
        query_role: int | None = None,
        pooling: str = "mean",
        use_level_heads: bool = False,
        use_balance: bool = False,
        decodes: Sequence[int] = (),
        order: OrderScale | None = None,
        seed: int = 0,
        recompute: str = "none",
    ) -> None:
        super().__init__()
        if not blocks:
            raise ValueError("a hierarchy needs at least 1 level, got 0")
        self.pool_ratio, self.semiring, self.key = pool_ratio, NoisyOr(), DropoutKey(seed)
        self.is_typed = contraction == "typed"
        above = 2 * (num_relations if self.is_typed else 1)
        relations = [2 * num_relations, *(above for _ in blocks[1:])]
        self.encoder = Encoder(in_channels, channels, num_relations, norm, order, self.key)
        places = iter(range(sum(blocks) + refine_blocks))

        def stack(count: int, relations: int) -> ReversibleStack:
            layers = (ReversibleBlock(channels, relations, dropout, next(places), self.key) for _ in range(count))
            return ReversibleStack(list(layers), recompute)

        self.levels = nn.ModuleList(map(stack, blocks, relations))
        self.liftings = nn.ModuleList(Lifting(channels, count // 2, _narrowed(channels)) for count in relations[:-1])
        self.is_dual = readout == "dual" or len(blocks) == 1  # one level is top and bottom alike
        self.fusions = nn.ModuleList(GatedFusion(channels) for _ in self.liftings if self.is_dual)
        self.refine = stack(refine_blocks if self.is_dual else 0, relations[0])
        self.query_role, self.use_balance = query_role, use_balance
        num_read = 2 if self.is_dual and len(blocks) > 1 else 1
        self.readout = GraphReadout(channels, num_classes, num_read, is_asked=query_role is not None, pooling=pooling)
        # the last weights to be drawn: all others, but bases, are the same without them
        self.level_heads = nn.ModuleList(GraphReadout(channels, num_classes) for _ in blocks if use_level_heads)
        self.decoder = NodeDecoder(channels, *decodes) if decodes else None

    @property
    def num_levels(self) -> int:
        """Number of levels ``L``."""
        return len(self.levels)

    def set_step(self, step: int, part: int = 0) -> None:
        """Tells the dropout masks which optimisation step this is, and which part of it."""
        self.key.step, self.key.part = step, part

    def why(self, encoded: Encoded) -> Ascent:
        """Climbs from level 0 to the abstract level: the analysis of a lifting scheme (pooling)."""
        x, graph, batch, tie_key = encoded.x, encoded.graph, encoded.batch, encoded.tie_key
        ascent = Ascent([], x, [], [], [])
        for depth, level in enumerate(self.levels):
            ascent.entry, x = x, level(x, graph)
            ascent.features.append(x)
            ascent.graphs.append(graph)
            if depth == len(self.liftings):
                break
            lifting: Lifting = self.liftings[depth]  # type: ignore[assignment]
            score = lifting.score(x).squeeze(1).to(x.dtype)
            plan = contract(
                graph,
                score,
                tie_key,
                batch,
                encoded.num_graphs,
                ratio=self.pool_ratio,
                semiring=self.semiring,
                is_typed=self.is_typed,
            )
            x, detail = lifting(x, plan)
            ascent.details.append(detail)
            ascent.plans.append(plan)
            graph, batch, tie_key = plan.coarse, plan.batch, tie_key[plan.kept]
        return ascent

    def what(self, ascent: Ascent, *, use_details: bool) -> Tensor:
        """Comes back down to the encoder's output: the synthesis of the lifting scheme (unpooling).

        With details the inverse of :meth:`why` up to rounding; without, what the abstract level alone
        explains.
        """
        return self._inverse_level(self.descend(ascent, use_details=use_details), 0, ascent)

    def descend(self, ascent: Ascent, *, use_details: bool) -> Tensor:
        """Like :meth:`what`, but stops at level 0 *after* its message passing: ``(N, C)``."""
        return [ascent.features[-1], *self.descent(ascent, use_details=use_details)][-1]

    def descent(self, ascent: Ascent, *, use_details: bool, from_entry: bool = False) -> Iterator[Tensor]:
        """The levels on the way down, each after its message passing: from below the top to level 0.

        Args:
            ascent: What :meth:`why` returned.
            use_details: Whether to add what the levels above do not explain.
            from_entry: Whether to take the top before its message passing from the ascent. Undoing the message passing
                gives the same up to rounding, and the same gradients, and costs as much as computing it.
        """
        top = len(self.liftings)
        x = ascent.entry if from_entry else self._inverse_level(ascent.features[-1], top, ascent)
        for depth in reversed(range(top)):
            detail = ascent.details[depth] if use_details else None
            x = self.liftings[depth].inverse(x, detail, ascent.plans[depth])  # type: ignore[operator]
            yield x
            if depth:
                x = self._inverse_level(x, depth, ascent)

    def _inverse_level(self, x: Tensor, depth: int, ascent: Ascent) -> Tensor:
        inverted: Tensor = self.levels[depth].inverse(x, ascent.graphs[depth])  # type: ignore[operator]
        return inverted

    def forward(self, data: Any, *, reconstruct: bool = True) -> Output:
        """Classifies the graphs from the concrete level, which knows what the others have found, and the abstract one.

        With one level only, or where the readout is from the top only, there is one to read.

        Args:
            data: Our batch or PyTorch Geometric's.
            reconstruct: Whether to come back to the encoder's output as well; one level reconstructs nothing.
        """
        encoded = self.encoder(data)
        ascent, count = self.why(encoded), encoded.num_graphs
        asked = None if self.query_role is None else data.role == self.query_role
        levels = [(self.pass_down(ascent) if self.is_dual else _of_leaders(ascent), encoded.batch)]
        if len(self.readout.evidence) > 1:
            levels.append((ascent.features[-1], ascent.plans[-1].batch))
        reconstructed = None
        if reconstruct and ascent.plans:
            *_, down = self.descent(ascent, use_details=False, from_entry=True)
            reconstructed = self._inverse_level(down, 0, ascent)
        batches = (encoded.batch, *(plan.batch for plan in ascent.plans))
        teaches = torch.is_grad_enabled()  # what follows counts in no evaluation
        read = zip(self.level_heads, ascent.features, batches, strict=False)  # without heads none is read
        level_logits = [head([(x, batch)], count) for head, x, batch in read if teaches]
        uneven = [cluster_imbalance(plan, count) for plan in ascent.plans if self.use_balance and teaches]
        imbalance = torch.stack(uneven).mean(0) if uneven else None
        logits = self.readout(levels, count, asked)
        undecoded = None
        if self.decoder is not None and reconstructed is not None and teaches:
            undecoded = self.decoder(reconstructed, data.node_type, data.role, encoded.batch, count)
        return Output(logits, reconstructed, encoded.x.detach(), encoded.batch, level_logits, imbalance, undecoded)

    def pass_down(self, ascent: Ascent) -> Tensor:
        """The concrete level with what the levels above have found: ``(N, C)``.

        Every node hears from its leader, level by level, and the concrete nodes then pass it on among themselves. This
        decides; what the abstract level alone explains, :meth:`what`, is the more costly way, which teaches.
        """
        x = ascent.features[-1]
        for depth in reversed(range(len(self.fusions))):
            x = self.fusions[depth](ascent.features[depth], ascent.plans[depth].of_leaders(x))
        refined: Tensor = self.refine(x, ascent.graphs[0])
        return refined

    @torch.no_grad()
    def round_trip(self, data: Any) -> tuple[Tensor, Tensor]:
        """The encoder's output and ``WHAT(WHY(x))`` with details, both ``(N, C)``."""
        encoded = self.encoder(data)
        return encoded.x, self.what(self.why(encoded), use_details=True)

    @torch.no_grad()
    def level_errors(self, data: Any, *, exactly: bool = True) -> LevelErrors:
        """How well each level below the top is rebuilt on the way down.

        It is the relative error of :func:`~nsm.models.losses.reconstruction_error`, of the features after the
        level's message passing.

        Args:
            data: A batch.
            exactly: Whether to compute the errors with details as well.
        """
        encoded = self.encoder(data)
        ascent = self.why(encoded)
        batches = [encoded.batch, *(plan.batch for plan in ascent.plans)]

        def errors(*, use_details: bool) -> list[Tensor]:
            rebuilt = reversed(list(self.descent(ascent, use_details=use_details)))
            levels = zip(rebuilt, ascent.features, batches, strict=False)  # the top is not rebuilt
            return [reconstruction_error(x, target, batch, encoded.num_graphs) for x, target, batch in levels]

        return LevelErrors(errors(use_details=False), errors(use_details=True) if exactly else [])


def _narrowed(channels: int) -> int:
    """Width of the messages between levels: a quarter, in fours, so that torch multiplies all relations at once."""
    return max(4, channels // 16 * 4)


def _of_leaders(ascent: Ascent) -> Tensor:
    """For each concrete node the features of the abstract node that stands for it: ``(N, C)``."""
    x = ascent.features[-1]
    for plan in reversed(ascent.plans):
        x = plan.of_leaders(x)
    return x
