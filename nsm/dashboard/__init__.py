"""Training seen and steered from a notebook: the live view, background runs, the checkpoint browser.

Example::

    from nsm import dashboard, pipeline

    trainer = pipeline.build_trainer(config, callbacks=[dashboard.LiveView()], quiet=True)
    for epoch in trainer.epochs():
        ...  # breakpoints and code of one's own go here
    dashboard.follow(run)  # a run of a terminal, of the background, or fetched from elsewhere
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nsm.dashboard.background_runs import BackgroundRun, background, start
    from nsm.dashboard.checkpoint_browser import CheckpointBrowser, browser
    from nsm.dashboard.checkpoint_table import checkpoints
    from nsm.dashboard.control_panel import ControlPanel, panel
    from nsm.dashboard.following import follow, show
    from nsm.dashboard.live_view import LiveView
    from nsm.dashboard.removal import delete

__all__ = [
    "BackgroundRun",
    "CheckpointBrowser",
    "ControlPanel",
    "LiveView",
    "background",
    "browser",
    "checkpoints",
    "delete",
    "follow",
    "panel",
    "show",
    "start",
]

_HOME = {
    "BackgroundRun": "background_runs",
    "CheckpointBrowser": "checkpoint_browser",
    "ControlPanel": "control_panel",
    "LiveView": "live_view",
    "background": "background_runs",
    "browser": "checkpoint_browser",
    "checkpoints": "checkpoint_table",
    "delete": "removal",
    "follow": "following",
    "panel": "control_panel",
    "show": "following",
    "start": "background_runs",
}


def __getattr__(name: str) -> object:
    """Imports a public name when it is first used."""
    if name not in _HOME:
        raise AttributeError(f"module 'nsm.dashboard' has no attribute {name!r}")
    return getattr(import_module(f"nsm.dashboard.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
