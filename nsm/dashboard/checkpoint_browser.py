"""A browser of checkpoints: sort, filter, load, compare two, delete."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nsm.analysis.tables import Table
from nsm.dashboard.checkpoint_table import checkpoint_lines, checkpoint_page, checkpoints, no_checkpoints
from nsm.dashboard.extra import notebook_module
from nsm.dashboard.keepsake import Keepsake
from nsm.dashboard.removal import delete, measure
from nsm.errors import NSMError, RunError
from nsm.runs import resolve_root
from nsm.training.inspection import compare_checkpoints

if TYPE_CHECKING:
    from torch import nn

__all__ = ["CheckpointBrowser", "browser"]

PAGE, CHOICE = 25, 500  # rows that are shown, and that can be chosen: as many as a page bears
SORTS = {
    "latest first": ("seconds since", False),
    "best accuracy first": ("val acc", True),
    "lowest loss first": ("val loss", False),
    "largest first": ("size MiB", True),
    "by run": ("run", False),
}


class CheckpointBrowser:
    """Checkpoints below a root, with what can be done to them; each button is a method too.

    Args:
        root: Where runs are kept.

    Attributes:
        root: Where runs are kept.
        table: What is shown: sorted and filtered.
        model: What was loaded last.
        order: One of ``latest first``, ``best accuracy first``, ``lowest loss first``, ``largest first``, ``by run``.
        words: Only rows that hold all of these words are shown.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.model: nn.Module | None = None
        self.order, self.words = next(iter(SORTS)), ""
        self.table = self.refresh()

    def refresh(self) -> Table:
        """Reads the folders again; returns what is shown."""
        column, descending = SORTS[self.order]
        words = self.words.lower().split()

        def is_wanted(row: dict[str, Any]) -> bool:
            text = " ".join(str(value) for value in row.values() if value is not None).lower()
            return all(word in text for word in words)

        if not self.root.is_dir():  # a root comes into being with the first run
            self.table = no_checkpoints(self.root)
            return self.table
        self.table = checkpoints(self.root, sort=column, descending=descending, where=is_wanted if words else None)
        return self.table

    def sort(self, order: str) -> Table:
        """Shows the rows in another order.

        Raises:
            RunError: If there is no such order.
        """
        if order not in SORTS:
            raise RunError(f"there is no order {order!r}", hint=f"one of {', '.join(SORTS)}")
        self.order = order
        return self.refresh()

    def filter(self, words: str) -> Table:
        """Shows only rows that hold all of these words, in any column; all rows for none."""
        self.words = words
        return self.refresh()

    def load(self, path: Path | str) -> nn.Module:
        """The model of a checkpoint or of bare weights, in evaluation mode; see :func:`nsm.pipeline.open_model`."""
        from nsm import pipeline

        self.model = pipeline.open_model(path, root=self.root)
        return self.model

    def compare(self, first: Path | str, second: Path | str) -> Table:
        """The metrics and settings in which two checkpoints differ, and the tensors that have moved furthest."""
        found = compare_checkpoints(Path(first), Path(second))
        moved = {name: pair for name, pair in found.metrics.items() if pair[0] != pair[1]}
        rows: list[tuple[Any, ...]] = [("metric", name, *pair) for name, pair in moved.items()]
        rows += [("setting", name, *pair) for name, pair in found.config.items()]
        rows += [("relative change", name, None, change) for name, change in list(found.changes.items())[:10]]
        rows += [("shape", name, *map(str, pair)) for name, pair in found.unmatched.items()]
        return Table(("what", "name", "first", "second"), rows, f"{first} and {second}")

    def delete(self, path: Path | str, *, confirm: bool = False) -> str:
        """Deletes a checkpoint or a run; see :func:`nsm.dashboard.delete`."""
        told = delete(path, confirm=confirm)
        self.refresh()
        return told

    def widget(self) -> Any:
        """Rows to choose from, with buttons.

        Raises:
            NSMError: If ipywidgets is not installed.
        """
        return _BrowserWidget(self).box

    def _ipython_display_(self) -> None:
        _BrowserWidget(self).keepsake.show()


class _BrowserWidget:
    """The widgets, which only call the browser's methods."""

    def __init__(self, browsed: CheckpointBrowser) -> None:
        widgets = notebook_module("ipywidgets")
        self.browsed = browsed
        self.order = widgets.Dropdown(options=list(SORTS), value=browsed.order, description="Order")
        self.words = widgets.Text(
            value=browsed.words, description="Filter", placeholder="words", continuous_update=False
        )
        self.rows = widgets.SelectMultiple(rows=10, layout=widgets.Layout(width="auto"))
        self.sure = widgets.Checkbox(description="yes, delete", value=False, indent=False)
        self.told = widgets.HTML()
        self.shown = widgets.HTML(layout=widgets.Layout(overflow="auto", max_height="420px"))
        self.buttons = {
            name: widgets.Button(description=name.capitalize(), tooltip=told)
            for name, told in (
                ("load", "the model of the chosen checkpoint, as .model of the browser"),
                ("compare", "two chosen checkpoints"),
                ("delete", "the chosen checkpoints, if the box beside is ticked"),
                ("refresh", "read the folders again"),
            )
        }
        for name, button in self.buttons.items():
            button.on_click(lambda _, name=name: self.press(name))
        self.order.observe(lambda change: self.turn_to(browsed.sort(change["new"])), "value")
        self.words.observe(lambda change: self.turn_to(browsed.filter(change["new"])), "value")
        choice = widgets.HBox([self.order, self.words])
        row = widgets.HBox([*self.buttons.values(), self.sure], layout=widgets.Layout(flex_flow="row wrap"))
        self.box = widgets.VBox([choice, self.rows, row, self.told, self.shown])
        self.keepsake = Keepsake(self.box)
        self.fill(browsed.table)

    def turn_to(self, table: Table) -> None:
        """Shows other rows; what was told of those before is gone."""
        self.told.value = ""
        self.fill(table)

    def fill(self, table: Table) -> None:
        """Shows the first rows of a table."""
        self.rows.value = ()  # a page cannot take away rows that are chosen
        chosen = replace(table, rows=table.rows[:CHOICE])
        self.rows.options = list(zip(checkpoint_lines(chosen, self.browsed.root), chosen.column("path"), strict=True))
        title = f"{table.title}, {len(table)} with these words" if self.browsed.words else table.title
        title += f", the first {PAGE} shown" if len(table) > PAGE else ""
        title += (
            f"; the first {CHOICE} can be chosen, words or another order bring others" if len(table) > CHOICE else ""
        )
        page = replace(table, rows=table.rows[:PAGE], title=title)
        self.shown.value = checkpoint_page(page)
        self.keepsake.keep(self.shown.value, repr(page))

    def press(self, name: str) -> None:
        """What a button does; an error becomes a line."""
        try:
            self.told.value = getattr(self, f"_{name}")(list(self.rows.value))
        except NSMError as failure:
            self.told.value = escape(str(failure))

    def _load(self, chosen: list[str]) -> str:
        (path,) = self._exactly(1, chosen)
        model = self.browsed.load(path)
        count = sum(parameter.numel() for parameter in model.parameters())
        return f"loaded: {type(model).__name__} with {count:,} parameters, as <code>.model</code> of the browser"

    def _compare(self, chosen: list[str]) -> str:
        return self.browsed.compare(*self._exactly(2, chosen))._repr_html_()

    def _delete(self, chosen: list[str]) -> str:
        if not chosen:
            raise RunError("nothing is chosen", hint="choose rows above")
        if not self.sure.value:
            told = [escape(f"would delete {measure(path)}") for path in chosen]
            return "<br>".join([*told, "tick the box beside the button to do it"])
        told = [escape(self.browsed.delete(path, confirm=True)) for path in chosen]
        self.sure.value = False
        self.fill(self.browsed.table)
        return "<br>".join(told)

    def _refresh(self, chosen: list[str]) -> str:
        del chosen
        self.fill(self.browsed.refresh())
        return ""

    def _exactly(self, count: int, chosen: list[str]) -> list[str]:
        if len(chosen) != count:
            raise RunError(f"expected {count} chosen, got {len(chosen)}", hint="hold Ctrl to choose several")
        return chosen


def browser(root: Path | str | None = None) -> CheckpointBrowser:
    """A browser of all runs and checkpoints below a root: a widget in a notebook, methods everywhere.

    Args:
        root: Where runs are kept; see :func:`nsm.runs.resolve_root`. It need not be there yet.
    """
    return CheckpointBrowser(resolve_root(None if root is None else Path(root)))
