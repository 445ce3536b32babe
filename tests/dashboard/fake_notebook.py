"""A notebook that only remembers what it was told to show."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest


class FakeHandle:
    """A display handle; ``shown`` is everything that it has shown."""

    def __init__(self, content: dict[str, str], metadata: dict[str, Any]) -> None:
        self.shown = [(content, metadata)]

    def update(self, content: dict[str, str], *, metadata: dict[str, Any], raw: bool) -> None:
        assert raw
        self.shown.append((content, metadata))


class FakeNotebook:
    """Stands for IPython inside a kernel."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.handles: list[FakeHandle] = []
        self.displayed: list[Any] = []
        self.shown_raw: list[dict[str, Any]] = []
        shell = ModuleType("shell")
        shell.kernel = object()  # type: ignore[attr-defined]
        ipython, display = ModuleType("IPython"), ModuleType("IPython.display")
        ipython.get_ipython = lambda: shell  # type: ignore[attr-defined]
        ipython.version_info = (9, 0)  # type: ignore[attr-defined]  # matplotlib looks at it
        display.display = self.display  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        monkeypatch.setitem(sys.modules, "IPython.display", display)

    def display(self, content: Any, *, metadata: Any = None, raw: bool = False, display_id: bool = False) -> Any:
        if not raw:
            self.displayed.append(content)
            return None
        if not display_id:
            self.shown_raw.append(content)
            return None
        self.handles.append(FakeHandle(content, metadata))
        return self.handles[-1]

    @property
    def texts(self) -> list[str]:
        """What the lines said, in order."""
        return [content["text/plain"] for content in self._contents if "text/html" in content]

    @property
    def pictures(self) -> list[str]:
        """The pictures, in order, as base64."""
        return [content["image/png"] for content in self._contents if "image/png" in content]

    @property
    def _contents(self) -> list[dict[str, str]]:
        return [content for handle in self.handles for content, _ in handle.shown]
