"""The dashboard in a real browser, as a user sees it: from the login to the last section, in both themes."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.notebooks import NOTEBOOK, SECTIONS, cells, read
from tests.skips import BROWSERS

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = Path(os.environ.get("NSM_ARTIFACTS", ROOT / "build" / "screenshots"))
OPTIONS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
           "--disable-component-update", "--disable-sync"]  # fmt: skip
PATIENCE = 300  # seconds for whatever is waited for
KEY = 10  # seconds in which a page hears a key
CONSTANTS = """DOMAIN = "planning"
EPOCHS = 40
BATCH_SIZE = 32
CHANNELS = 8
BLOCKS = 1
SAVE_EVERY = 20
WORKERS = 0
PLANNING = {"graphs": 160}"""

pytestmark = pytest.mark.needs_chromium


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
        self.bars.add(cell.locator(".jp-OutputArea").inner_text())
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

    def select(self, cell: Any) -> None:
        """Makes a cell the active one, in command mode."""
        cell.scroll_into_view_if_needed()
        cell.locator(".jp-InputPrompt").first.click()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

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
        self.finished(cell)
        return cell

    def finished(self, cell: Any) -> None:
        """Waits until a cell has been executed."""
        self.until(lambda: re.search(r"\[\d+\]", cell.locator(".jp-InputPrompt").first.inner_text()))

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


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address that ``nsm notebook`` tells, and its folder."""
    folder = tmp_path_factory.mktemp("browser")
    settings = folder / ".home/.jupyter/lab/user-settings/@jupyterlab/notebook-extension/tracker.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"windowingMode": "none"}')  # all cells are on the page, those out of sight too
    private = {"HOME": str(folder / ".home"), "JUPYTER_RUNTIME_DIR": str(folder / ".runtime"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "nsm", "notebook", str(folder), "--no-browser", "--json"]
    environment = {name: value for name, value in os.environ.items() if name != "NSM_ROOT"} | private
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["url"], folder
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
        process.stdout.close()


@pytest.fixture(scope="module")
def lab(url: tuple[str, Path]) -> Iterator[Lab]:
    from playwright.sync_api import sync_playwright

    program = next(path for name in BROWSERS if (path := shutil.which(name)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        window = Lab(None, context, *url)
        window.open(context.new_page())
        yield window
        browser.close()


def picture(cell: Any) -> str | None:
    """The picture that a cell shows, as its source."""
    found = cell.locator(".jp-OutputArea img")
    return found.last.get_attribute("src") if found.count() else None


def test_without_the_token_there_is_a_login(lab: Lab) -> None:
    page = lab.context.browser.new_page()
    page.goto(lab.url.partition("?")[0])
    assert "/login" in page.url
    page.locator("input[name=password]").first.fill(lab.url.partition("token=")[2])
    page.keyboard.press("Enter")
    page.wait_for_selector(".jp-Notebook", timeout=1000 * PATIENCE)  # the token lets in
    page.close()


def test_no_dialog_is_in_the_way(lab: Lab) -> None:
    assert lab.page.locator(".jp-Dialog").count() == 0
    assert lab.page.locator(".Toastify__toast").count() == 0
    assert lab.code.count() == len(cells(read()))


def test_the_live_view_moves_while_it_trains_and_an_interrupt_saves(lab: Lab) -> None:
    lab.write(lab.cell("EVAL_EVERY"), CONSTANTS)
    for part in ("import torch", "DOMAIN = ", "dashboard.settings", "load_data", "build_trainer", "gradient_figure"):
        lab.run(part)
    cell = lab.start("trainer.epochs()")
    lab.until(lambda: lab.watch(cell) and len(lab.bars) > 3 and len(lab.curves) >= 2)
    lab.shoot("live")
    lab.select(cell)
    lab.press("i", "i")
    lab.finished(cell)
    assert "saved in" in cell.locator(".jp-OutputArea").inner_text().lower()
    assert "KeyboardInterrupt" not in cell.inner_text()
    lab.run("pipeline.finish")
    assert "interrupted" in lab.cell("pipeline.finish").locator(".jp-OutputArea").inner_text()


def test_the_interrupted_run_goes_on_to_its_end(lab: Lab) -> None:
    lab.write(lab.cell("trainer.epochs()"), "for epoch in trainer.epochs():\n    metrics = epoch.metrics")
    cell, before = lab.start("trainer.epochs()"), len(lab.bars)
    lab.until(lambda: lab.watch(cell) and re.search(r"\[\d+\]", cell.locator(".jp-InputPrompt").first.inner_text()))
    assert len(lab.bars) > before + 3 and len(lab.curves) > 3
    assert "finished: epoch 40 of 40" in cell.locator(".jp-OutputArea").inner_text()
    told = lab.run("pipeline.finish").locator(".jp-OutputArea").inner_text()
    assert "finished: 40 epochs" in told and "saved in" in told


def test_a_closed_tab_loses_nothing_of_a_background_run(lab: Lab) -> None:
    started = lab.append(
        "job = dashboard.start(dashboard.settings(globals(), epochs=8, run='background'))\nprint(job.run)"
    )
    lab.finished(started)
    lab.press("Control+s")
    lab.until(lambda: "dashboard.start" in (lab.folder / NOTEBOOK.name).read_text())
    lab.page.close()
    run = lab.folder / "checkpoints" / "planning" / "runs" / "background"
    deadline = time.monotonic() + PATIENCE
    while not (run / "training_history.json").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    lab.open(lab.context.new_page())
    shown = lab.append("dashboard.follow('background')")
    lab.finished(shown)
    assert "finished: epoch 8 of 8" in shown.locator(".jp-OutputArea").inner_text()
    assert picture(shown)


def test_the_other_sections_run(lab: Lab) -> None:
    for part in ("dashboard.panel", "dashboard.browser", "dashboard.choose", "pipeline.evaluate", "worst_mistakes",
                 "pipeline.compare", "pipeline.export", "dashboard.doctor"):  # fmt: skip
        lab.run(part)
    lab.press("Control+s")
    lab.until(lambda: "this kernel, main memory" in (lab.folder / NOTEBOOK.name).read_text())


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_every_section_is_photographed(lab: Lab, theme: str) -> None:
    """For whoever looks at them: each section's beginning, and its outputs screen by screen."""
    lab.page.locator(".lm-MenuBar-item", has_text="Settings").click()
    lab.page.locator(".lm-Menu-item", has_text="Theme").first.hover()
    lab.page.locator(".lm-Menu-item", has_text=theme).first.click()
    lab.until(lambda: lab.page.evaluate("document.body.dataset.jpThemeName") == theme)
    name = theme.split()[-1].lower()
    for number, title in enumerate(SECTIONS, start=1):
        heading = lab.page.locator(".jp-Notebook h2", has_text=title).first
        heading.scroll_into_view_if_needed()
        heading.evaluate("node => node.scrollIntoView({block: 'start'})")
        lab.page.wait_for_timeout(150)
        lab.shoot(f"{name}_{number:02d}")


def test_nothing_went_wrong_on_the_page(lab: Lab) -> None:
    assert lab.page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    assert lab.page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.error']").count() == 0
    assert lab.console == []
    assert lab.outside == []
