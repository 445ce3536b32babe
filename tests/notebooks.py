"""The dashboard, run without a browser: whole, in part, with other constants."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "experiments" / "NSM_Training_Dashboard.ipynb"
SECTIONS = (
    "1. Setup & Environment",
    "2. Training Configuration",
    "3. Load Dataset",
    "4. Initialize Model",
    "5. Training Loop",
    "6. Checkpoint Browser",
    "7. Load Checkpoint",
    "8. Test Evaluation",
    "9. Cross-Domain Comparison",
    "10. Save & Export",
    "11. GPU Diagnostics",
    "Optional: TensorBoard",
    "Optional: Hyperparameter Search",
)
SMALL = {  # constants that make a run short
    "planning": {"PLANNING": {"graphs": 200}},
    "causal": {"CAUSAL": {"graphs": 240}},
    "kg": {"KG": {"dataset": "nations", "graphs": 200, "rank_epochs": 1, "rank_channels": 8}},
}
QUICK = {"EPOCHS": 2, "BATCH_SIZE": 32, "CHANNELS": 16, "WORKERS": 0}


@dataclass(frozen=True)
class Cell:
    """A code cell with the section that it stands in."""

    section: str
    source: str
    outputs: list[dict[str, Any]]

    @property
    def text(self) -> str:
        """All that its outputs say."""
        found = []
        for output in self.outputs:
            found.append("".join(output.get("text", "")))
            found += ["".join(v) for k, v in output.get("data", {}).items() if k in ("text/plain", "text/html")]
        return "\n".join(found)

    @property
    def pictures(self) -> list[str]:
        """Its pictures, as PNG in base 64."""
        return [output["data"]["image/png"] for output in self.outputs if "image/png" in output.get("data", {})]


def cells(notebook: Mapping[str, Any]) -> list[Cell]:
    """The code cells, in order."""
    section, found = "", []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            title = re.search(r"^## (.*)$", source, re.MULTILINE)
            section = title[1] if title else section
        else:
            found.append(Cell(section, source, cell["outputs"]))
    return found


def read(path: Path = NOTEBOOK) -> dict[str, Any]:
    """A notebook as it lies on the disk."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def run_cells(notebook: Any, folder: Path, environment: Mapping[str, str], **settings: Any) -> None:
    """Runs all cells of a notebook in a folder, in a kernel of this environment.

    The kernel is talked to over files: ports are chosen before it opens them, and another process may take one by then.

    Raises:
        CellExecutionError: If a cell fails, unless ``allow_errors`` is set.
    """
    from nbclient import NotebookClient
    from traitlets.config import Config

    with tempfile.TemporaryDirectory(dir="/tmp") as sockets:  # a socket's path has at most 107 characters
        config = Config(AsyncKernelManager={"transport": "ipc", "ip": f"{sockets}/kernel"})
        client = NotebookClient(notebook, timeout=600, kernel_name="python3", config=config, **settings)
        client.execute(cwd=str(folder), env=dict(environment))


def execute(
    folder: Path,
    constants: Mapping[str, object],
    *,
    only: Sequence[str] = SECTIONS,
    edit: Callable[[str], str] = str,
    then: Sequence[str] = (),
) -> dict[str, Any]:
    """Runs the notebook in a folder, from top to bottom, and saves it there.

    Args:
        folder: Where the kernel works and keeps its runs.
        constants: Put into a cell of their own behind the one that is tagged ``parameters``, as papermill does.
        only: The sections that are run.
        edit: What becomes of the text of each code cell.
        then: Further cells.
    """
    import nbformat

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    section, kept = "", []
    for cell in notebook.cells:
        title = re.search(r"^## (.*)$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else None
        section = title[1] if title else section
        if not section or section in only:
            cell.source = edit(cell.source) if cell.cell_type == "code" else cell.source
            kept.append(cell)
            if "parameters" in cell.metadata.get("tags", ()):
                text = "\n".join(f"{name} = {value!r}" for name, value in constants.items())
                kept.append(nbformat.v4.new_code_cell(text))
    notebook.cells = kept + [nbformat.v4.new_code_cell(text) for text in then]
    environment = os.environ | {
        "NSM_ROOT": str(folder / "checkpoints"),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "OMP_NUM_THREADS": "1",
    }
    run_cells(notebook, folder, environment, allow_errors=True)
    nbformat.write(notebook, folder / NOTEBOOK.name)
    return read(folder / NOTEBOOK.name)
