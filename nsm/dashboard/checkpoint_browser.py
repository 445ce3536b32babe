"""A browser of checkpoints: sort, filter, load, compare two, delete."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nsm.analysis.tables import Table
from nsm.dashboard.checkpoint_table import checkpoints
from nsm.dashboard.extra import notebook_module
from nsm.dashboard.removal import delete
from nsm.errors import NSMError
from nsm.runs import resolve_root
from nsm.training.inspection import CheckpointDifference, compare_checkpoints

if TYPE_CHECKING:
    from torch import nn

__all__ = ["CheckpointBrowser", "browser"]


class CheckpointBrowser:
    """Checkpoints below a root; each button is a method too.

    Args:
        root: Where runs are kept.

    Attributes:
        root: Where runs are kept.
        model: What was loaded last.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.model: nn.Module | None = None

    def table(self, **how: Any) -> Table:
        """The checkpoints; see :func:`nsm.dashboard.checkpoints`."""
        return checkpoints(self.root, **how)

    def load(self, path: Path | str) -> nn.Module:
        """The model of a checkpoint, or of bare weights."""
        from nsm import pipeline

        self.model = pipeline.open_model(Path(path), root=self.root)
        return self.model

    def compare(self, first: Path | str, second: Path | str) -> CheckpointDifference:
        """How two checkpoints differ."""
        return compare_checkpoints(Path(first), Path(second))

    def delete(self, path: Path | str, *, confirm: bool = False) -> str:
        """Deletes a checkpoint; see :func:`nsm.dashboard.delete`."""
        return delete(path, confirm=confirm)

    def _ipython_display_(self) -> None:
        notebook_module("IPython.display").display(self.table())


def browser(root: Path | str | None = None) -> CheckpointBrowser:
    """A browser of all runs and checkpoints below a root.

    Args:
        root: Where runs are kept; see :func:`nsm.runs.resolve_root`.

    Raises:
        NSMError: If there is no such folder.
    """
    home = resolve_root(None if root is None else Path(root))
    if not home.is_dir():
        raise NSMError("there is no such folder", file=home, hint="train first, or name another root")
    return CheckpointBrowser(home)
