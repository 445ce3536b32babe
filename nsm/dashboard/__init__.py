"""What the notebook is made of: settings, the live view, background runs, the checkpoint browser, its server.

Example::

    from nsm import dashboard, pipeline

    config = dashboard.settings(globals())
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
    from nsm.dashboard.choice import choose
    from nsm.dashboard.constants import overview, settings
    from nsm.dashboard.control_panel import ControlPanel, panel
    from nsm.dashboard.following import follow, show
    from nsm.dashboard.live_view import LiveView
    from nsm.dashboard.machine import doctor, environment, memory
    from nsm.dashboard.removal import delete
    from nsm.dashboard.results import examples, load_data, pictures, show_card, show_results
    from nsm.dashboard.volume import commit_volume

__all__ = [
    "BackgroundRun",
    "CheckpointBrowser",
    "ControlPanel",
    "LiveView",
    "background",
    "browser",
    "checkpoints",
    "choose",
    "commit_volume",
    "delete",
    "doctor",
    "environment",
    "examples",
    "follow",
    "load_data",
    "memory",
    "overview",
    "panel",
    "pictures",
    "settings",
    "show",
    "show_card",
    "show_results",
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
    "choose": "choice",
    "commit_volume": "volume",
    "delete": "removal",
    "doctor": "machine",
    "environment": "machine",
    "examples": "results",
    "follow": "following",
    "load_data": "results",
    "memory": "machine",
    "overview": "constants",
    "panel": "control_panel",
    "pictures": "results",
    "settings": "constants",
    "show": "following",
    "show_card": "results",
    "show_results": "results",
    "start": "background_runs",
}


def __getattr__(name: str) -> object:
    """Imports a public name when it is first used."""
    if name not in _HOME:
        raise AttributeError(f"module 'nsm.dashboard' has no attribute {name!r}")
    return getattr(import_module(f"nsm.dashboard.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
