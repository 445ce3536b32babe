from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.lab import PATIENCE, ROOT, Lab
from tests.skips import BROWSERS

OPTIONS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
           "--disable-component-update", "--disable-sync"]  # fmt: skip


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
