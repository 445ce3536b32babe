"""The dashboard notebook: its form, and every section of it, run as a user runs it."""

from __future__ import annotations

import ast
import json
import re
import zipfile
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from tests.notebooks import NOTEBOOK, QUICK, SECTIONS, SMALL, Cell, cells, execute, read

DOMAINS = ("planning", "causal", "kg")
WITH_PICTURES = ("3. Load Dataset", "4. Initialize Model", "5. Training Loop", "8. Test Evaluation",
                 "9. Cross-Domain Comparison")  # fmt: skip


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all processes of the tests have in common."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(params=[pytest.param("kg", marks=pytest.mark.needs_pykeen) if d == "kg" else d for d in DOMAINS])
def executed(request: pytest.FixtureRequest, shared: Path) -> Path:
    """The folder in which the whole notebook was run for a domain, once for all tests."""
    folder = shared / f"notebook_{request.param}"
    with FileLock(f"{folder}.lock"):
        if not (folder / NOTEBOOK.name).exists():
            folder.mkdir(exist_ok=True)
            execute(folder, QUICK | SMALL[request.param] | {"DOMAIN": request.param})
    return folder


def saved(folder: Path) -> list[Cell]:
    return cells(read(folder / NOTEBOOK.name))


def told_of_failure(found: list[Cell]) -> list[str]:
    """Errors, what went to standard error, and words of warning."""
    told = []
    for cell in found:
        for output in cell.outputs:
            if output["output_type"] == "error":
                told.append("\n".join(output["traceback"]))
            if output.get("name") == "stderr":
                told.append("".join(output["text"]))
        told += re.findall(r".*(?:Warning|Deprecated|Traceback).*", cell.text)
    return told


# --- its form ---------------------------------------------------------------------------------------------------


def test_the_sections_are_those_of_the_dashboard_in_order() -> None:
    titles = [
        title
        for cell in read()["cells"]
        if cell["cell_type"] == "markdown"
        for title in re.findall(r"^## (.*)$", "".join(cell["source"]), re.MULTILINE)
    ]
    assert titles == list(SECTIONS)


def test_every_section_begins_with_an_introduction() -> None:
    content = read()["cells"]
    for before, cell in pairwise(content):
        source = "".join(before["source"])
        if before["cell_type"] == "markdown" and source.startswith("## "):
            assert len(source.split("\n", 1)[1]) > 80, source
            assert cell["cell_type"] == "code"


def test_cells_are_short_and_nothing_of_a_run_is_committed() -> None:
    for cell in read()["cells"]:
        if cell["cell_type"] == "code":
            assert len(cell["source"]) <= 15
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


def test_the_kernel_is_found_everywhere() -> None:
    """Each Python with ipykernel calls its own kernel python3, so no dialog asks."""
    content = read()
    assert content["metadata"]["kernelspec"]["name"] == "python3"
    assert content["nbformat"] == 4
    assert max(Counter(cell["id"] for cell in content["cells"]).values()) == 1


def test_the_constants_are_those_of_the_guide() -> None:
    constants = next(cell for cell in read()["cells"] if "parameters" in cell["metadata"].get("tags", ()))
    named = re.findall(r"^([A-Z_]+) = ", "".join(constants["source"]), re.MULTILINE)
    assert {"DOMAIN", "EPOCHS", "BATCH_SIZE", "EVAL_EVERY"} <= set(named)


# --- from the first section to the last -------------------------------------------------------------------------


def test_all_sections_run_without_a_word_of_warning(executed: Path) -> None:
    found = saved(executed)
    assert told_of_failure(found) == []
    assert {cell.section for cell in found} == set(SECTIONS)


def test_the_environment_and_the_settings_are_shown(executed: Path) -> None:
    found = saved(executed)
    assert "PyTorch" in found[0].text
    overview = next(cell for cell in found if "overview" in cell.source)
    for setting, value in {"epochs": 2, "batch_size": 32, "channels": 16}.items():
        assert re.search(rf">{setting}</td><td[^>]*>{value}<", overview.text), setting


def test_the_data_set_is_described_and_drawn(executed: Path) -> None:
    (cell,) = (cell for cell in saved(executed) if cell.section == "3. Load Dataset")
    assert "audit" in cell.text and "train" in cell.text and "licence" in cell.text
    assert "Share of each label, split by split." in cell.text
    drawn = re.search(r"^\d+ nodes, \d+ triples; ", cell.text, re.MULTILINE)
    too_large = "No graph is drawn: each has more than" in cell.text
    assert bool(drawn) != too_large  # one of the two is said
    assert len(cell.pictures) >= (3 if drawn else 2)  # labels, the domain's own, a graph
    assert drawn or executed.name.endswith("_kg")  # the questions of Nations take in most of its facts


def test_the_model_is_described(executed: Path) -> None:
    model, gradients = (cell for cell in saved(executed) if cell.section == "4. Initialize Model")
    assert "encoder" in model.text and "readout" in model.text and "100.0%" in model.text
    assert len(gradients.pictures) == 1


def test_plots_are_in_the_saved_notebook(executed: Path) -> None:
    found = saved(executed)
    for section in WITH_PICTURES:
        assert any(cell.pictures for cell in found if cell.section == section), section


def test_plots_are_there_in_html(executed: Path) -> None:
    from nbconvert import HTMLExporter

    html, _ = HTMLExporter().from_filename(str(executed / NOTEBOOK.name))
    pictures = [picture for cell in saved(executed) for picture in cell.pictures]
    assert len(pictures) > 10
    for picture in pictures:
        assert picture.replace("\n", "") in html.replace("\n", "")


def test_what_widgets_show_is_there_in_html(executed: Path) -> None:
    """As the browser saves it: a page names the widgets, but does not hold their state."""
    import nbformat
    from nbconvert import HTMLExporter

    notebook = nbformat.read(executed / NOTEBOOK.name, as_version=4)
    notebook.metadata.pop("widgets", None)
    html, _ = HTMLExporter().from_notebook_node(notebook)
    kept = re.findall(r'<div class="nsm-kept">(.*?)</div>\s*</div>\s*</div>', html, re.DOTALL)
    assert len(kept) == 2  # the panel and the browser
    assert "not started" in kept[0] and "best_model.pt" in kept[1]
    assert "Box(children" not in html


def test_training_ends_with_the_run_saved(executed: Path) -> None:
    *_, last = (cell for cell in saved(executed) if "pipeline.finish" in cell.source)
    run = Path(re.search(r"^saved in (.*)$", last.text, re.MULTILINE)[1])  # type: ignore[index]
    run = executed / run
    assert "finished: 2 epochs" in last.text
    assert (run / "best_model.pt").is_file() and (run / "last.pt").is_file()
    assert (run.parents[1] / "best_model.pt").is_file() or list(run.parents[1].glob("*/best_model.pt"))


def test_checkpoints_are_listed_and_the_newest_is_loaded(executed: Path) -> None:
    found = saved(executed)
    (browser,) = (cell for cell in found if cell.section == "6. Checkpoint Browser")
    assert "best_model.pt" in json.dumps(browser.outputs) or "best" in browser.text
    (load,) = (cell for cell in found if cell.section == "7. Load Checkpoint")
    assert re.search(r"Epoch: [12]\nVal Acc: \d+\.\d\d%", load.text)


def test_the_evaluation_shows_figures_classes_and_mistakes(executed: Path) -> None:
    evaluation, mistakes = (cell for cell in saved(executed) if cell.section == "8. Test Evaluation")
    for word in ("accuracy", "majority", "area under the ROC curve", "calibration", "precision", "recall", "f1"):
        assert word in evaluation.text
    assert len(evaluation.pictures) >= 6
    assert "mistakes" in mistakes.text


def test_missing_domains_are_named_with_the_command(executed: Path) -> None:
    (cell,) = (cell for cell in saved(executed) if cell.section == "9. Cross-Domain Comparison")
    present = executed.name.removeprefix("notebook_")
    for domain in set(DOMAINS) - {present}:
        assert f"nsm train {domain}" in cell.text
    assert f"nsm train {present}" not in cell.text


def test_the_export_is_a_zip_beside_the_notebook(executed: Path) -> None:
    (cell,) = (cell for cell in saved(executed) if cell.section == "10. Save & Export")
    (file,) = executed.glob("*.zip")
    with zipfile.ZipFile(file) as archive:
        names = {Path(name).name for name in archive.namelist()}
    assert {"final_results.json", "predictions.parquet", "report.html", "config.toml", "confusion.png"} <= names
    assert "There is no cloud volume here" in cell.text
    assert file.name in cell.text


def test_diagnostics_show_memory_and_the_doctor(executed: Path) -> None:
    (cell,) = (cell for cell in saved(executed) if cell.section == "11. GPU Diagnostics")
    assert "this kernel, main memory" in cell.text
    assert "driver" in cell.text and "disk" in cell.text


# --- the patterns of use ----------------------------------------------------------------------------------------


def run_of(constants: dict[str, Any], folder: Path, *numbers: int, **how: Any) -> list[Cell]:
    only = [title for title in SECTIONS if title.startswith(tuple(f"{number}." for number in numbers))]
    found = cells(execute(folder, QUICK | SMALL["planning"] | constants, only=[*only, *how.pop("more", ())], **how))
    assert told_of_failure(found) == []
    return found


def test_pattern_quick_validation(tmp_path: Path) -> None:
    """Sections 1 to 5, validated every second epoch."""
    found = run_of({"DOMAIN": "planning", "EPOCHS": 4, "EVAL_EVERY": 2}, tmp_path, 1, 2, 3, 4, 5)
    (run,) = (tmp_path / "checkpoints" / "planning" / "runs").glob("2*")
    history = [json.loads(line)["metrics"] for line in (run / "history.jsonl").read_text().splitlines()]
    assert ["val_acc" in metrics for metrics in history] == [False, True, False, True]
    assert found[-2].section == "5. Training Loop"


def test_pattern_checkpoint_analysis_only(executed: Path) -> None:
    """Sections 1, 7 and 8, in a new kernel, nothing trained."""
    before = sorted((executed / "checkpoints").glob("*/runs/*"))
    found = run_of({}, executed_copy(executed), 1, 7, 8)
    assert [cell.section for cell in found] == [SECTIONS[0], SECTIONS[6], SECTIONS[7], SECTIONS[7]]
    assert len(found[2].pictures) >= 6
    assert sorted((executed / "checkpoints").glob("*/runs/*")) == before


def executed_copy(executed: Path) -> Path:
    """A folder beside, with the same runs."""
    folder = executed.with_name(f"{executed.name}_analysis")
    folder.mkdir(exist_ok=True)
    link = folder / "checkpoints"
    if not link.exists():
        link.symlink_to(executed / "checkpoints")
    return folder


def test_pattern_hyperparameter_search(tmp_path: Path) -> None:
    """The list of configurations as it stands there, each trained for ten epochs."""

    def switched_on(source: str) -> str:
        return source.replace("SEARCH = False", "SEARCH = True")

    small = {"DOMAIN": "planning", "CHANNELS": 8, "NUM_LEVELS": 2, "BLOCKS": 1}
    *_, cell = run_of(small, tmp_path, 1, 2, more=["Optional: Hyperparameter Search"], edit=switched_on)
    tried = [ast.literal_eval(line) for line in cell.text.splitlines() if line.startswith("{")]
    assert [(one["lr"], one["cycle_weight"]) for one in tried] == [(1e-3, 0.01), (1e-4, 0.05), (5e-5, 0.1)]
    for one in tried:
        run = tmp_path / "checkpoints" / "planning" / "runs" / one["run"]
        config = (run / "config.toml").read_text()
        assert f"learning_rate = {one['lr']!r}" in config and "epochs = 10" in config
        assert len((run / "history.jsonl").read_text().splitlines()) == 10


def test_the_domain_can_be_switched_in_the_middle_of_a_session(tmp_path: Path) -> None:
    sources = [cell.source for cell in cells(read()) if cell.section in SECTIONS[2:5]]
    constants = f'DOMAIN = "causal"\nCAUSAL = {SMALL["causal"]["CAUSAL"]!r}\nEPOCHS = 1'
    again = [constants, "config = dashboard.settings(globals())", *sources]
    found = run_of({"DOMAIN": "planning", "EPOCHS": 1}, tmp_path, 1, 2, 3, 4, 5, then=again)
    assert "finished: 1 epochs" in found[-2].text
    assert len(list((tmp_path / "checkpoints").glob("*/runs/2*"))) == 2


def test_tensorboard_opens_on_the_runs(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = run_of({"DOMAIN": "planning", "EPOCHS": 1}, tmp_path, 1, 2, 3, 4, 5)
    (events,) = (tmp_path / "checkpoints" / "planning" / "runs").glob("2*/tb")
    accumulator = EventAccumulator(str(events)).Reload()
    assert {"Loss/train", "Loss/val", "Accuracy/val"} <= set(accumulator.Tags()["scalars"])
    assert found
