"""What the notebook is made of: settings, the live view, control, the browser of checkpoints, and its server."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nsm.dashboard.constants import settings
    from nsm.dashboard.volume import commit_volume

__all__ = ["commit_volume", "settings"]

_HOME = {
    "commit_volume": "nsm.dashboard.volume",
    "settings": "nsm.dashboard.constants",
}


def __getattr__(name: str) -> object:
    """Imports a name when it is first used: `nsm notebook` needs only the server."""
    if name not in _HOME:
        raise AttributeError(f"module 'nsm.dashboard' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
