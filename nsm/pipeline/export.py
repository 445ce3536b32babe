"""A run as a zip for others: results, predictions, figures, report; nothing of the machine that it was made on."""

from __future__ import annotations

import io
import json
import platform
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from matplotlib import rc_context

import nsm
from nsm.analysis.curves import training_curves
from nsm.analysis.report import evaluation_figures
from nsm.analysis.run_results import RunResult, flat_settings, read_result, read_tables, split_file
from nsm.analysis.run_states import read_state
from nsm.config.reading import PROVENANCE
from nsm.config.toml import to_toml
from nsm.errors import RunError
from nsm.pipeline.redaction import Redaction
from nsm.runs import Run, find_run, replacing, resolve_root

__all__ = ["ExportResult", "export"]

SPLITS = ("test", "val", "train")
PACKAGES = ("torch", "torch-geometric", "lightning-fabric", "torchmetrics", "numpy", "scipy", "scikit-learn")
STAMP = (1980, 1, 1, 0, 0, 0)  # of every entry, so that an export of the same files has the same bytes


@dataclass(frozen=True)
class ExportResult:
    """What an export wrote.

    Attributes:
        file: The zip.
        entries: What is in it, with the number of bytes of each.
        missing: What the run does not have, with the command that makes it.
    """

    file: Path
    entries: Mapping[str, int]
    missing: Sequence[str]

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values."""
        return {"file": str(self.file), "entries": dict(self.entries), "missing": list(self.missing)}


def export(run: Run | str | Path, file: Path | None = None, *, root: Path | None = None) -> ExportResult:
    """Writes results, predictions, figures (PNG and SVG), report, configuration and environment of a run into a zip.

    Checkpoints and TensorBoard's files stay where they are. Absolute paths are cut to their last part, and user names
    and passwords in addresses are masked. The zip appears as a whole or not at all.

    Args:
        run: The run, its folder, or its name below the root.
        file: The zip; ``<run>.zip`` in the present folder by default.
        root: Where runs are kept; see :func:`nsm.runs.resolve_root`.

    Raises:
        RunError: If there is no such run, or its files are damaged.
    """
    run = run if isinstance(run, Run) else find_run(run, resolve_root(root))
    target = file or Path(f"{run.name}.zip")
    if target.is_dir():
        raise RunError("expected a file for the zip, came a folder", file=target)
    missing: list[str] = []
    contents = dict(_contents(run, missing))
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(f"{run.name}/{name}", STAMP), content, zipfile.ZIP_DEFLATED)
    return ExportResult(target, {name: len(content) for name, content in contents.items()}, missing)


def _contents(run: Run, missing: list[str]) -> Iterator[tuple[str, bytes]]:
    """Every entry by its name; what is not there is told in ``missing``."""
    tables, provenance = read_tables(run)
    settings = flat_settings(tables).values()
    clean = Redaction([str(run.folder.resolve()), *(value for value in settings if isinstance(value, str))])
    yield "config.toml", to_toml(clean.plain({**tables, PROVENANCE: provenance})).encode()
    yield "environment.json", _json(clean.plain(_environment(provenance)))
    for path in (run.history, run.training_history):
        if path.exists():
            yield path.name, _cleaned(path, clean)
    history = read_state(run).records
    if not history:
        missing.append(f"history: nothing was learned yet; nsm train {tables.get('domain', 'planning')}")
    evaluated = [result for split in SPLITS if (result := read_result(run, split)) is not None]
    for result in evaluated:
        yield from _evaluation(result, history, clean)
    if not evaluated:
        curves = {"training_curves": training_curves(history)} if history else {}
        yield from _pictures(curves, "figures")
        missing.append(f"evaluation: there is none yet; nsm evaluate {run.folder}")


def _evaluation(
    result: RunResult, history: Sequence[Mapping[str, Any]], clean: Redaction
) -> Iterator[tuple[str, bytes]]:
    """Results, predictions, figures and report of one split."""
    run, split, evaluation = result.run, result.split, result.evaluation
    yield split_file(run.final_results, split).name, _json(clean.plain(evaluation))
    predictions = split_file(run.predictions, split)
    if predictions.exists():
        said = result.predictions
        yield predictions.name, _predictions(predictions, clean)
        figures = evaluation_figures(evaluation, said.logits, said.labels, said.classes, history=history)
        yield from _pictures(figures, split_file(run.figures, split).name)
    report = split_file(run.report, split)
    if report.exists():
        yield report.name, _cleaned(report, clean)


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()


def _cleaned(path: Path, clean: Redaction) -> bytes:
    try:
        return clean.text(path.read_text(encoding="utf-8")).encode()
    except UnicodeDecodeError as error:
        raise RunError("expected text in UTF-8: the file is damaged", file=path) from error


def _pictures(figures: Mapping[str, Any], folder: str) -> Iterator[tuple[str, bytes]]:
    for name, figure in figures.items():
        for kind in ("png", "svg"):
            stream = io.BytesIO()
            dated = {"Date": None} if kind == "svg" else {"Software": None}
            with rc_context({"svg.hashsalt": name}):  # else the names inside an SVG are random
                figure.savefig(stream, format=kind, metadata=dated)
            yield f"{folder}/{name}.{kind}", stream.getvalue()


def _predictions(path: Path, clean: Redaction) -> bytes:
    """The table without paths in its columns of text, and without what its file says of its making."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path).replace_schema_metadata(None)
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            cleaned = [None if value is None else clean.text(value) for value in table.column(place).to_pylist()]
            table = table.set_column(place, field.name, pa.array(cleaned, field.type))
    stream = io.BytesIO()
    pq.write_table(table, stream)
    return stream.getvalue()


def _environment(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Versions of what trained and of what exports; nothing that names a person or a machine."""
    present = {}
    for name in PACKAGES:
        try:
            present[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    here = {"python": platform.python_version(), "system": platform.system(), "machine": platform.machine()}
    return {"trained_with": dict(provenance), "exported_with": {"nsm": nsm.__version__, **here, "packages": present}}
