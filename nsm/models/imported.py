"""A user's own network, named by its import path, held to what every model returns."""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from nsm.config.imported import call_imported
from nsm.errors import ConfigError
from nsm.models.output import Output

if TYPE_CHECKING:
    from nsm.config import Config
    from nsm.data.triples import Schema

__all__ = ["imported_model"]

Arguments = tuple[Any, ...]
Keywords = dict[str, Any]


def imported_model(config: Config, schema: Schema) -> nn.Module:
    """Builds the network that ``config.model`` names: ``Name(config, schema)``.

    It is called with a batch and returns an `Output` or class scores ``(G, K)`` alone; it may take ``reconstruct``, and
    have ``set_step``. What it returns is checked at every call.

    Raises:
        ConfigError: If it cannot be imported, is no network, or has nothing to train.
    """
    name = config.model
    _, model = call_imported(name, "model", config, schema)
    if not isinstance(model, nn.Module):
        raise ConfigError(f"model: expected {name} to give a torch.nn.Module, got {type(model).__name__}")
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ConfigError(f"model: {name} has no parameters to train")
    if "reconstruct" not in inspect.signature(model.forward).parameters:
        model.register_forward_pre_hook(_without_reconstruct, with_kwargs=True)
    model.register_forward_hook(partial(_checked, name, len(schema.labels)))
    return model


def _without_reconstruct(_: nn.Module, arguments: Arguments, keywords: Keywords) -> tuple[Arguments, Keywords]:
    return arguments, {key: value for key, value in keywords.items() if key != "reconstruct"}


def _checked(name: str, num_classes: int, model: nn.Module, arguments: Arguments, output: object) -> Output:
    """What the network returned, as an `Output`.

    Raises:
        ConfigError: If it is something else.
    """
    data = arguments[0]
    num_graphs = int(getattr(data, "num_graphs", None) or 1)
    if isinstance(output, Tensor):
        batch = getattr(data, "batch", None)
        batch = torch.zeros(data.x.shape[0], dtype=torch.long, device=data.x.device) if batch is None else batch
        output = Output(output, None, None, batch)
    if not isinstance(output, Output) or output.logits.shape != (num_graphs, num_classes):
        wanted = f"class scores of the shape ({num_graphs}, {num_classes}), or an Output with them"
        got = tuple(output.logits.shape) if isinstance(output, Output) else type(output).__name__
        raise ConfigError(f"model: expected {name} to return {wanted}, got {got}")
    if output.reconstructed is not None and not hasattr(model, "round_trip"):
        raise ConfigError(f"model: {name} returns a reconstruction, so it needs a method round_trip(batch) as well")
    return output
