"""A bar of bytes with rate and remaining time, for a fetch."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bars

from nsm.cloud.fetching import Progress

__all__ = ["FetchBar"]


class FetchBar(Progress):
    """Shows a fetch on standard error.

    Args:
        quiet: Whether to show nothing.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet)
        columns = (TextColumn("fetching"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        self._bars = Bars(*columns, console=self._console, disable=quiet)
        self._task = self._bars.add_task("fetching", total=None)

    def __enter__(self) -> FetchBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def start(self, total: int) -> None:
        """So many bytes will come."""
        self._bars.update(self._task, total=total)
        self._bars.start()

    def advance(self, count: int) -> None:
        """So many more have come."""
        self._bars.advance(self._task, count)

    def retry(self, path: str, why: str) -> None:
        """A file has to come again."""
        self._console.print(f"{path}: {why}; once more", markup=False, highlight=False)
