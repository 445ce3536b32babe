"""JupyterLab in a real browser, driven as a user drives it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = Path(os.environ.get("NSM_ARTIFACTS", ROOT / "build" / "screenshots"))
PATIENCE = 300  # seconds for whatever is waited for
KEY = 10  # seconds in which a page hears a key
WRONG = (
    "[data-mime-type='application/vnd.jupyter.stderr']",
    "[data-mime-type='application/vnd.jupyter.error']",
    ".jp-OutputArea-output:text('Error displaying widget')",
)
SCREEN = 600  # pixels of an output that fit into the window at once


@dataclass
class Lab:
    """JupyterLab in a browser, on the dashboard."""

    page: Any
    context: Any
    url: str
    folder: Path
    console: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    bars: set[str] = field(default_factory=set)
    curves: set[str] = field(default_factory=set)

    def watch(self, cell: Any) -> bool:
        """Remembers what the bars say and which picture is shown."""
        self.bars.add(said(cell))
        if shown := picture(cell):
            self.curves.add(shown)
        return True

    def open(self, page: Any) -> None:
        """Goes on in a tab: waits for the notebook and for its kernel."""
        self.page = page
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.console.append(str(error)))
        page.on("request", lambda request: self._see(request.url))
        page.goto(self.url)
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=1000 * PATIENCE)
        page.wait_for_selector(".jp-NotebookPanel-toolbar [data-status=idle]", timeout=1000 * PATIENCE)

    def _hear(self, message: Any) -> None:
        if message.type == "error":
            self.console.append(message.text)

    def _see(self, url: str) -> None:
        if urlsplit(url).scheme in ("http", "https", "ws", "wss") and urlsplit(url).hostname != "127.0.0.1":
            self.outside.append(url)

    @property
    def code(self) -> Any:
        """The code cells."""
        return self.page.locator(".jp-Notebook .jp-CodeCell")

    def cell(self, part: str) -> Any:
        """The code cell that holds some text."""
        return self.code.filter(has=self.page.locator(".cm-content", has_text=part)).first

    def section(self, title: str) -> list[Any]:
        """The code cells below the heading of a section."""
        cells = self.page.locator(".jp-Notebook .jp-Cell")
        found, is_inside = [], False
        for number in range(cells.count()):
            cell = cells.nth(number)
            heading = cell.locator(".jp-MarkdownOutput h2")
            if heading.count():
                is_inside = heading.first.inner_text().rstrip("¶") == title
            if is_inside and "jp-CodeCell" in cell.get_attribute("class"):
                found.append(cell)
        return found

    @property
    def pictures(self) -> Any:
        """The pictures that a user sees among the outputs."""
        return self.page.locator(".jp-OutputArea img >> visible=true")

    @property
    def wrong(self) -> list[str]:
        """What the page shows of errors, and of what went to standard error."""
        return [text for part in WRONG for text in self.page.locator(f"{part} >> visible=true").all_inner_texts()]

    def select(self, cell: Any) -> None:
        """Makes a cell the active one, in command mode."""
        cell.scroll_into_view_if_needed()
        cell.locator(".jp-InputPrompt").first.click()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def choose(self, *path: str) -> None:
        """Takes an entry of a menu."""
        self.page.locator(".lm-MenuBar-item", has_text=path[0]).first.click()
        for name in path[1:-1]:
            self.page.locator(".lm-Menu-item", has_text=name).first.hover()
        self.page.locator(".lm-Menu-item", has_text=path[-1]).first.click()

    def start(self, part: str) -> Any:
        """Runs a cell without waiting for its end; a key that the page did not hear is pressed again."""
        cell = self.cell(part)
        prompt = cell.locator(".jp-InputPrompt").first
        before, pressed = prompt.inner_text(), 0.0

        def is_taken() -> bool:
            nonlocal pressed
            if prompt.inner_text() != before:
                return True
            if time.monotonic() - pressed > KEY:
                self.select(cell)
                self.press("Control+Enter")
                pressed = time.monotonic()
            return False

        self.until(is_taken)
        return cell

    def run(self, part: str) -> Any:
        """Runs a cell to its end."""
        cell = self.start(part)
        self.until(lambda: is_over(cell))
        return cell

    def write(self, cell: Any, text: str) -> None:
        """Puts other code into a cell."""
        cell.locator(".cm-content").first.click()
        self.press("Control+a")
        self.page.keyboard.insert_text(text)
        self.press("Escape")

    def append(self, text: str) -> Any:
        """Puts a cell behind the last one and runs it."""
        self.select(self.code.last)
        self.press("b")
        cell = self.code.last
        self.write(cell, text)
        self.press("Control+Enter")
        return cell

    def save(self, *contained: str) -> str:
        """Saves all that is on the page, and waits until the file holds all of these; returns what it holds."""
        file = self.folder / "NSM_Training_Dashboard.ipynb"
        self.press("Control+s")
        self.until(lambda: self.page.locator(".lm-TabBar-tab.jp-mod-dirty").count() == 0)
        self.until(lambda: all(part in file.read_text(encoding="utf-8") for part in contained))
        return file.read_text(encoding="utf-8")

    def until(self, holds: Callable[[], Any], seconds: float = PATIENCE) -> None:
        """Waits until something holds."""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, self.shoot("stuck")
            self.page.wait_for_timeout(150)

    def shoot(self, name: str) -> Path:
        """A picture of the window as it is."""
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        file = ARTIFACTS / f"{name}.png"
        self.page.screenshot(path=file)
        return file

    def shoot_all(self, part: Any, name: str) -> Iterator[Path]:
        """Pictures of something tall, screen by screen."""
        height = part.bounding_box()["height"]
        for number, top in enumerate(range(0, max(1, int(height)), SCREEN)):
            part.evaluate(
                """(node, top) => {
                    node.scrollIntoView({block: 'start'});
                    document.querySelector('.jp-WindowedPanel-outer').scrollBy(0, top);
                }""",
                top,
            )
            self.page.wait_for_timeout(150)
            yield self.shoot(f"{name}_{number}")


def said(cell: Any) -> str:
    """What the outputs of a cell say, as far as a user sees it."""
    return str(cell.locator(".jp-OutputArea").first.inner_text())


def picture(cell: Any) -> str | None:
    """The last picture that a cell shows, as its source."""
    found = cell.locator(".jp-OutputArea img >> visible=true")
    return found.last.get_attribute("src") if found.count() else None


def is_over(cell: Any) -> bool:
    """Whether a cell has been executed."""
    return re.search(r"\[\d+\]", cell.locator(".jp-InputPrompt").first.inner_text()) is not None
