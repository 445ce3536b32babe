"""The dashboard in a real browser, as a user sees it: from the login to the last section, in both themes."""

from __future__ import annotations

import json
import re
import time

import pytest

from nsm.runs import Run
from tests.browser.lab import PATIENCE, Lab, is_over, picture, said
from tests.notebooks import SECTIONS, cells, read

CONSTANTS = """DOMAIN = "planning"
EPOCHS = 40
BATCH_SIZE = 32
CHANNELS = 8
BLOCKS = 1
SAVE_EVERY = 20
WORKERS = 0
PLANNING = {"graphs": 160}"""
NUMBERED = [title for title in SECTIONS if title[0].isdigit()]
KEPT = ("dashboard.panel", "dashboard.browser")  # what is made of widgets

pytestmark = pytest.mark.needs_chromium


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
    lab.until(lambda: is_over(cell))
    assert "saved in" in said(cell).lower()
    assert "KeyboardInterrupt" not in cell.inner_text()
    assert "interrupted" in said(lab.run("pipeline.finish"))


def test_the_interrupted_run_goes_on_to_its_end(lab: Lab) -> None:
    lab.write(lab.cell("trainer.epochs()"), "for epoch in trainer.epochs():\n    metrics = epoch.metrics")
    cell, before = lab.start("trainer.epochs()"), len(lab.bars)
    lab.until(lambda: lab.watch(cell) and is_over(cell))
    assert len(lab.bars) > before + 3 and len(lab.curves) > 3
    assert "finished: epoch 40 of 40" in said(cell)
    told = said(lab.run("pipeline.finish"))
    assert "finished: 40 epochs" in told and "saved in" in told
    assert lab.wrong == []


def test_a_closed_tab_loses_nothing_of_a_background_run(lab: Lab) -> None:
    """The tab is closed and opened again while it trains; then the view shows what has been trained meanwhile."""
    started = "dashboard.start(dashboard.settings(globals(), epochs=100_000, run='background'))"
    cell = lab.append(f"job = {started}\nprint(job.run)")
    lab.until(lambda: is_over(cell))
    assert lab.wrong == []
    saved = lab.save("run='background'", "runs/background'")  # the cell and what it has put out
    assert "EPOCHS = 40" in saved
    lab.page.close()
    run = Run(lab.folder / "checkpoints" / "planning" / "runs" / "background")
    end = time.monotonic() + PATIENCE
    while len(run.read_history() if run.history.exists() else ()) < 2:
        assert time.monotonic() < end, "it does not train"
        time.sleep(0.2)
    lab.open(lab.context.new_page())
    assert "EPOCHS = 40" in lab.cell("SAVE_EVERY").inner_text()
    assert picture(lab.cell("trainer.epochs()"))
    trained, shown = len(run.read_history()), lab.append("dashboard.follow('background')")
    lab.curves.clear()
    lab.until(lambda: lab.watch(shown) and len(lab.curves) >= 3)
    epochs = [int(found[1]) for text in lab.bars if (found := re.search(r"running: epoch (\d+) of 100000", text))]
    assert min(epochs) >= trained
    lab.shoot("background")
    run.stop.touch()
    lab.until(lambda: is_over(shown))
    assert f"interrupted: epoch {len(run.read_history())} of 100000" in said(shown)


def test_the_other_sections_run(lab: Lab) -> None:
    for part in (*KEPT, "dashboard.choose", "pipeline.evaluate", "worst_mistakes", "pipeline.compare",
                 "pipeline.export", "dashboard.doctor"):  # fmt: skip
        lab.run(part)
    lab.save("this kernel, main memory")
    assert lab.wrong == []


def test_the_panel_starts_and_stops_a_run(lab: Lab) -> None:
    cell = lab.cell("dashboard.panel")
    cell.get_by_role("button", name="Start").click()
    lab.until(lambda: picture(cell))
    if cell.get_by_role("button", name="Stop").is_enabled():  # else it has finished
        cell.get_by_role("button", name="Stop").click()
    lab.until(lambda: re.search(r"(interrupted|finished): epoch \d+ of 40", said(cell)))
    assert cell.get_by_role("button", name="Stop").is_disabled()


def test_the_browser_filters_compares_and_loads(lab: Lab) -> None:
    cell = lab.run("dashboard.browser")
    rows, words = cell.locator("select[multiple]"), cell.get_by_placeholder("words")

    def paths() -> list[str]:
        return [line.partition("(")[0].strip() for line in rows.locator("option").all_inner_texts()]

    lab.until(paths)
    there = paths()
    rows.select_option(index=[0, 1])
    cell.get_by_role("button", name="Compare").click()
    lab.until(lambda: "relative change" in said(cell))
    words.fill("last.pt")  # while rows are chosen
    words.press("Enter")
    lab.until(lambda: paths() == [path for path in there if path.endswith("/last.pt")])
    rows.select_option(index=0)
    cell.get_by_role("button", name="Load").click()
    lab.until(lambda: "loaded: " in said(cell))
    cell.get_by_role("button", name="Delete", exact=True).click()
    lab.until(lambda: "would delete" in said(cell))
    words.fill("")
    words.press("Enter")
    lab.until(lambda: paths() == there)
    assert lab.console == []


def test_the_table_of_checkpoints_is_legible(lab: Lab) -> None:
    """Every column of it is in the window, none is broken into lines but the settings, and none touches the next."""
    cell = lab.cell("dashboard.browser")
    assert lab.page.viewport_size == {"width": 1280, "height": 800}
    edge = cell.locator(".jp-OutputArea").bounding_box()
    for part in (cell.locator("select[multiple]"), cell.locator("table >> visible=true").first):
        box = part.bounding_box()
        assert edge["x"] <= box["x"] and box["x"] + box["width"] <= edge["x"] + edge["width"]
    heights = (
        cell.locator("table >> visible=true")
        .first.locator("th")
        .evaluate_all("all => all.map(one => one.getBoundingClientRect().height)")
    )
    assert max(heights) < 30  # one line of text


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_every_section_is_photographed(lab: Lab, theme: str) -> None:
    """For whoever looks at them: each section's beginning, and its outputs screen by screen."""
    lab.choose("Settings", "Theme", theme)
    lab.until(lambda: lab.page.evaluate("document.body.dataset.jpThemeName") == theme)
    name = theme.split()[-1].lower()
    for number, title in enumerate(NUMBERED, start=1):
        heading = lab.page.locator(".jp-Notebook h2", has_text=title).first
        heading.evaluate("node => node.scrollIntoView({block: 'start'})")
        lab.page.wait_for_timeout(150)
        lab.shoot(f"{name}_{number:02d}")
        outputs = [cell.locator(".jp-OutputArea").first for cell in lab.section(title)]
        outputs = [output for output in outputs if output.inner_text().strip() or output.locator("img").count()]
        assert outputs, f"{title}: no output"
        for place, output in enumerate(outputs):
            assert list(lab.shoot_all(output, f"{name}_{number:02d}_{place}"))


def test_nothing_went_wrong_on_the_page(lab: Lab) -> None:
    assert lab.wrong == []
    assert lab.console == []
    assert lab.outside == []


def test_shut_down_and_opened_again_everything_is_there(lab: Lab) -> None:
    """Plots, tables and what the widgets showed, without a kernel that knows of them."""
    before = {part: said(lab.cell(part)) for part in KEPT}
    (state,) = re.findall(r"(?:interrupted|finished): epoch \d+ of 40", before["dashboard.panel"])
    count = lab.pictures.count()
    lab.select(lab.code.first)
    saved = [cell for cell in json.loads(lab.save("nsm-kept"))["cells"] if "".join(cell["source"]).startswith(KEPT)]
    assert [state in json.dumps(cell["outputs"]) for cell in saved] == [True, False]
    lab.choose("Kernel", "Shut Down Kernel")
    lab.page.wait_for_timeout(1000)
    lab.page.close()
    lab.open(lab.context.new_page())
    lab.page.wait_for_timeout(3000)  # whatever looks for its kernel has done so
    assert lab.wrong == []
    assert all("widget model not found" in text for text in lab.console)  # what the page looked for in vain
    assert lab.pictures.count() == count > 12
    assert all(lab.pictures.evaluate_all("all => all.map(one => one.naturalWidth)"))
    table = said(lab.cell("dashboard.browser"))
    for word in ("best_model.pt", "background", "val acc", "checkpoints in"):
        assert word in before["dashboard.browser"] and word in table
    assert state in said(lab.cell("dashboard.panel")) and picture(lab.cell("dashboard.panel"))
    for part in KEPT:
        list(lab.shoot_all(lab.cell(part), f"again_{part.partition('.')[2]}"))
