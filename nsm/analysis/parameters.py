"""The parameters of a model, layer by layer in the order in which data pass through it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nsm.analysis.tables import Table

if TYPE_CHECKING:
    from torch import nn

__all__ = ["LayerParameter", "ParameterTable", "depth_order", "parameter_table", "part_of"]

PARTS = {
    **dict.fromkeys(("liftings", "layers"), "levels"),
    **dict.fromkeys(("fusions", "refine", "level_heads"), "readout"),
}
"""Which part the children of a model belong to, where it is not the part of their own name."""
NUMBERED = re.compile(r"(levels|liftings)\.(\d+)")


@dataclass(frozen=True)
class LayerParameter:
    """One tensor of a model.

    Attributes:
        path: Its name in the model, ``levels.0.blocks.1.f.weight``.
        part: ``encoder``, ``levels`` or ``readout``.
        shape: Its shape.
        parameters: Number of values.
        share: Of all values of the model.
        norm: Euclidean norm.
    """

    path: str
    part: str
    shape: tuple[int, ...]
    parameters: int
    share: float
    norm: float


@dataclass(frozen=True)
class ParameterTable:
    """All tensors of a model in order of depth, and what they add up to.

    Attributes:
        layers: The tensors.
        parts: Number of values by part.
        total: Number of all values.
    """

    layers: Sequence[LayerParameter]
    parts: dict[str, int]
    total: int

    def table(self) -> Table:
        """One row for each tensor."""
        names = ("path", "part", "shape", "parameters", "share", "norm")
        rows = [tuple(getattr(layer, name) for name in names) for layer in self.layers]
        return Table(names, rows, title=f"{self.total:,} parameters", formats={"share": ".1%"})

    def part_table(self) -> Table:
        """One row for each part, and the total."""
        rows = [(name, count, count / max(self.total, 1)) for name, count in self.parts.items()]
        rows.append(("total", self.total, 1.0))
        return Table(("part", "parameters", "share"), rows, formats={"share": ".1%"})

    def to_text(self) -> str:
        """Both tables."""
        return f"{self.table().to_text()}\n\n{self.part_table().to_text()}"

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values."""
        layers = [{**vars(layer), "shape": list(layer.shape)} for layer in self.layers]
        return {"layers": layers, "parts": self.parts, "total": self.total}

    def _repr_html_(self) -> str:
        return self.part_table()._repr_html_() + self.table()._repr_html_()


def parameter_table(model: nn.Module) -> ParameterTable:
    """Lists the parameters of any model; a tensor that is used in two places counts once.

    Example:
        >>> from torch import nn
        >>> print(parameter_table(nn.Linear(3, 2)).part_table().to_text())
        part    parameters   share
        weight           6   75.0%
        bias             2   25.0%
        total            8  100.0%
    """
    named = dict(model.named_parameters())
    total = sum(parameter.numel() for parameter in named.values())
    layers = [
        LayerParameter(
            path=path,
            part=part_of(path),
            shape=tuple(named[path].shape),
            parameters=named[path].numel(),
            share=named[path].numel() / max(total, 1),
            norm=float(named[path].detach().double().norm()),
        )
        for path in depth_order(named)
    ]
    parts: dict[str, int] = {}
    for layer in layers:
        parts[layer.part] = parts.get(layer.part, 0) + layer.parameters
    return ParameterTable(layers, parts, total)


def depth_order(paths: Sequence[str] | dict[str, Any]) -> list[str]:
    """The paths of a model's parameters from the input to the output; a lifting follows the level that it leaves."""
    places = {"encoder": 0, "levels": 1, "layers": 1}

    def depth(path: str) -> tuple[int, int]:
        numbered = NUMBERED.match(path)
        step = 2 * int(numbered[2]) + (numbered[1] == "liftings") if numbered else 0
        return places.get(part_of(path), 2), step

    return sorted(paths, key=depth)  # stable: what is equally deep keeps the order of the model


def part_of(path: str) -> str:
    """The part of a model that a parameter or layer belongs to: ``encoder``, ``levels``, ``readout``."""
    child = path.partition(".")[0]
    return PARTS.get(child, child)
