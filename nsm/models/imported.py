"""A user's own network, named by its import path, held to what every model returns."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from nsm.config.imported import call_imported, code_error, import_named, is_import_path
from nsm.errors import ConfigError, NSMError
from nsm.models.output import Output
from nsm.nn.recomputation import is_out_of_memory

if TYPE_CHECKING:
    from nsm.config import Config
    from nsm.data.triples import Schema

__all__ = ["imported_model", "require_importable"]

Arguments = tuple[Any, ...]
Keywords = dict[str, Any]

CONTRACT = "docs/extending.md says what a network returns"


def require_importable(config: Config) -> None:
    """Imports the user's network that ``config.model`` names, if it does: before minutes are spent on data.

    Raises:
        ConfigError: If there is no such module or name in it, or the import fails.
    """
    if is_import_path(config.model):
        import_named(config.model, "model")


def imported_model(config: Config, schema: Schema) -> nn.Module:
    """Builds the network that ``config.model`` names: ``Name(config, schema)``.

    It is called with a batch and returns an `Output` or class scores ``(G, K)`` alone; it may take ``reconstruct``, and
    have ``set_step``. What it returns is checked at every call, by types and shapes, which waits for no GPU; an error
    inside it becomes a `ConfigError` with the line of its code, except where memory has run out.

    Raises:
        ConfigError: If it cannot be imported, is no network, or has nothing to train.
    """
    name = config.model
    _, model = call_imported(name, "model", config, schema)
    if not isinstance(model, nn.Module):
        raise ConfigError(f"model: expected {name} to give a torch.nn.Module, got {type(model).__name__}")
    if getattr(model.forward, "__func__", None) is nn.Module.forward:
        raise ConfigError(f"model: expected {name} to have a method forward(batch), got none", hint=CONTRACT)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ConfigError(f"model: {name} has no parameters to train")
    if "reconstruct" not in inspect.signature(model.forward).parameters:
        model.register_forward_pre_hook(_without_reconstruct, with_kwargs=True)
    model.forward = partial(_called, name, model.forward)
    model.register_forward_hook(partial(_checked, name, len(schema.labels)))
    return model


def _without_reconstruct(_: nn.Module, arguments: Arguments, keywords: Keywords) -> tuple[Arguments, Keywords]:
    return arguments, {key: value for key, value in keywords.items() if key != "reconstruct"}


def _called(name: str, forward: Callable[..., object], *arguments: object, **keywords: object) -> object:
    """What the network's ``forward`` gives.

    Raises:
        ConfigError: If it fails; not where memory has run out, since a smaller part of the batch may fit.
    """
    try:
        return forward(*arguments, **keywords)
    except NSMError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise code_error(f"model: calling {name} with a batch failed", name, error) from error


def _checked(name: str, num_classes: int, model: nn.Module, arguments: Arguments, output: object) -> Output:
    """What the network returned, as an `Output`.

    Raises:
        ConfigError: If it is something else, or nothing can be learned from it.
    """
    data = arguments[0]
    num_graphs = int(getattr(data, "num_graphs", None) or 1)
    if isinstance(output, Tensor):
        batch = getattr(data, "batch", None)
        batch = torch.zeros(data.x.shape[0], dtype=torch.long, device=data.x.device) if batch is None else batch
        output = Output(output, None, None, batch)
    shape, what = (num_graphs, num_classes), "class scores"
    _require(name, what, output.logits if isinstance(output, Output) else output, shape, ", or an Output with them")
    assert isinstance(output, Output), "only a tensor passes, and that has become one"
    if model.training and torch.is_grad_enabled() and not output.logits.requires_grad:
        hint = "on the way to them leave out detach(), torch.no_grad(), argmax and rounding"
        raise _wrong(name, f"{what} with a gradient while it trains", "scores that depend on no parameter", hint)
    for logits in output.level_logits:
        _require(name, "level_logits", logits, shape)
    for term in ("imbalance", "undecoded"):
        if getattr(output, term) is not None:
            _require(name, term, getattr(output, term), (num_graphs,))
    if output.reconstructed is not None:
        _require_reconstruction(name, model, output)
    return output


def _require_reconstruction(name: str, model: nn.Module, output: Output) -> None:
    target, nodes = output.target, getattr(output.batch, "shape", None)
    if not isinstance(target, Tensor):
        hint = "return both, or neither: without a target there is no cycle loss"
        raise _wrong(name, "a target beside what it reconstructed", type(target).__name__, hint)
    _require(name, "reconstructed", output.reconstructed, tuple(target.shape), ", that of its target")
    _require(name, "target", target, tuple(target.shape))
    if target.ndim != 2 or nodes != target.shape[:1]:
        got = f"{tuple(target.shape)} and {None if nodes is None else tuple(nodes)}"
        raise _wrong(name, "a target of the shape (N, C) and the batch of its nodes, (N,)", got, CONTRACT)
    if not hasattr(model, "round_trip"):
        raise ConfigError(f"model: {name} returns a reconstruction, so it needs a method round_trip(batch) as well")


def _require(name: str, what: str, value: object, shape: tuple[object, ...], more: str = "") -> None:
    """Makes sure that something returned is a tensor of floating-point numbers of that shape."""
    got = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
    if not isinstance(value, Tensor) or got != shape:
        raise _wrong(name, f"{what} of the shape {shape}{more}", got, CONTRACT)
    if not value.is_floating_point():
        hint = "return what there is before argmax or rounding, or convert it with .float()"
        raise _wrong(name, f"{what} in floating-point numbers", value.dtype, hint)


def _wrong(name: str, wanted: str, got: object, hint: str) -> ConfigError:
    return ConfigError(f"model: expected {name} to return {wanted}, got {got}", hint=hint)
