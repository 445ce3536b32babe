"""NSM, the Neural Symbolic Model: graph networks that climb from concrete triples to abstract ones."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nsm.analysis.parameters import parameter_table
    from nsm.config import Config
    from nsm.data.packed import PackedGraphs
    from nsm.models.losses import compute_loss
    from nsm.pipeline import audit, evaluate, resume, train

__all__ = [
    "Config",
    "PackedGraphs",
    "__version__",
    "audit",
    "compute_loss",
    "evaluate",
    "parameter_table",
    "resume",
    "train",
]

__version__ = "0.1.0"

_HOME = {
    "Config": "nsm.config",
    "PackedGraphs": "nsm.data.packed",
    "audit": "nsm.pipeline",
    "compute_loss": "nsm.models.losses",
    "evaluate": "nsm.pipeline",
    "parameter_table": "nsm.analysis.parameters",
    "resume": "nsm.pipeline",
    "train": "nsm.pipeline",
}


def __getattr__(name: str) -> object:
    """Imports a public name when it is first used, so that ``import nsm`` costs nothing."""
    if name not in _HOME:
        raise AttributeError(f"module 'nsm' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
