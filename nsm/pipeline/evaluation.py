"""From a run to what its model is worth: figures, a table of predictions, a page to read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from torch import nn

from nsm.analysis.calibration import fit_temperature
from nsm.analysis.climb_figure import climb_figure
from nsm.analysis.climbing import climb
from nsm.analysis.evaluation import Predictions, evaluate_predictions
from nsm.analysis.metrics import softmax
from nsm.analysis.mistakes import worst_mistakes
from nsm.analysis.parameters import parameter_table
from nsm.analysis.plots import png_bytes
from nsm.analysis.probing import decode
from nsm.analysis.report import Report, draw_examples, evaluation_figures, pick_small, write_report
from nsm.analysis.run_results import read_tables, split_file
from nsm.config import Config, load_config
from nsm.data.triples import Schema
from nsm.errors import CheckpointError, DataError, RunError
from nsm.models import Hierarchy, build_model
from nsm.pipeline.datasets import load_graphs, open_cached, read_audit
from nsm.pipeline.prediction import node_states, predict
from nsm.pipeline.ranking import rank
from nsm.runs import Run, find_run, replacing, resolve_root, write_json
from nsm.training.checkpoints import load_checkpoint, load_weights
from nsm.training.device import open_fabric, torch_threads
from nsm.training.progress import PartsBar

if TYPE_CHECKING:
    from nsm.data.packed import PackedGraphs

__all__ = ["EvaluationResult", "evaluate", "load_model", "load_run_data"]


@dataclass(frozen=True)
class EvaluationResult:
    """What an evaluation found.

    Attributes:
        run: The run.
        report: The page to read.
        figures: Everything measured, by name; ``accuracy`` and ``majority`` among it.
    """

    run: Run
    report: Path
    figures: dict[str, Any]

    @property
    def accuracy(self) -> float:
        """Share of graphs that were judged rightly."""
        return float(self.figures["accuracy"])

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values."""
        return {"run": str(self.run.folder), **self.figures, "report": str(self.report)}


@dataclass(frozen=True)
class _Judged:
    """A split with what the model said about it."""

    graphs: PackedGraphs
    predictions: Predictions
    evaluation: dict[str, Any]


def load_model(run: Run, checkpoint: Path | None = None) -> nn.Module:
    """The model of a run with its best weights, in evaluation mode.

    Args:
        run: The run.
        checkpoint: Another file than ``best_model.pt``.

    Raises:
        CheckpointError: If the file is missing, damaged or for another model.
    """
    file = checkpoint or run.best
    content = load_checkpoint(file)
    try:
        schema = Schema.from_json(content["schema"])
    except (AttributeError, TypeError, DataError) as error:
        raise CheckpointError(f"the checkpoint is damaged: its schema is wrong ({error})", file=file) from error
    model = build_model(_configuration(run), schema)
    load_weights(model, content, file)
    return model.eval()


def _configuration(run: Run, root: Path | None = None, data: Path | None = None) -> Config:
    """What ran, with the root where the run is now and the user's data where they are: both may have been moved."""
    folder = run.folder.resolve()
    home = folder.parents[2] if folder.parent.name == "runs" else None
    config = load_config(run.config).model_copy(update={"root": root or home})
    if data is None:
        return config
    return config.model_copy(update={"own": config.own.model_copy(update={"data": data})})


def evaluate(
    run: Run | str | Path,
    *,
    split: str = "test",
    root: Path | None = None,
    data: Path | None = None,
    quiet: bool = False,
) -> EvaluationResult:
    """Evaluates the best model of a run; results, predictions, figures and a report go into its folder.

    Args:
        run: The run, its folder, or its name below the root.
        split: ``test``, ``val`` or ``train``; the files of the latter two carry the split in their name.
        root: Where runs are kept; see :func:`nsm.runs.resolve_root`.
        data: Where the user's own data are now, if they have been moved.
        quiet: Whether to show no progress.

    Raises:
        RunError: If there is no such run.
        CheckpointError: If its checkpoint is missing, damaged, or from other data than can be built now.
    """
    run = run if isinstance(run, Run) else find_run(run, resolve_root(root))
    config = _configuration(run, root, data)
    with torch_threads(config.threads):
        model = load_model(run)
        graphs = _load_data(run, config, quiet=quiet)
        judged = _judge(model, graphs, config, split, quiet=quiet)
        if config.domain == "kg":
            _add_ranking(judged.evaluation, rank(config, run, split, quiet=quiet))
    write_json(split_file(run.final_results, split), judged.evaluation)
    _write_predictions(judged, split_file(run.predictions, split))
    report = _write_report(run, config, model, graphs, judged)
    return EvaluationResult(run, report, judged.evaluation)


def _add_ranking(evaluation: dict[str, Any], ranking: dict[str, Any]) -> None:
    """Adds the figures of the ranking, and its protocol to that of the rest."""
    protocol = [evaluation["protocol"], *([ranking["protocol"]] if ranking else [])]
    evaluation |= {**ranking, "protocol": " ".join(protocol)}


def load_run_data(run: Run, *, root: Path | None = None, data: Path | None = None, quiet: bool = False) -> PackedGraphs:
    """All graphs that a run was trained and tested on.

    Args:
        run: The run.
        root: Where runs are kept, if not where the run is.
        data: Where the user's own data are now, if they have been moved.
        quiet: Whether to show no progress.

    Raises:
        CheckpointError: If the checkpoint is missing, damaged, or from other data than can be built now.
    """
    return _load_data(run, _configuration(run, root, data), quiet=quiet)


def _load_data(run: Run, config: Config, *, quiet: bool) -> PackedGraphs:
    """Exactly the data that the run was trained on: from the cache, even if today's code would make others."""
    trained_on = load_checkpoint(run.best)["data_fingerprint"]
    graphs = open_cached(config, str(read_tables(run)[1].get("dataset", "")))
    if graphs is None or graphs.fingerprint != trained_on:
        graphs = load_graphs(config, quiet=quiet)
    if trained_on != graphs.fingerprint:
        message = "the data that its configuration gives now are not those that it was trained on"
        hint = "bring back the data files and the version of NSM that its config.toml names"
        raise CheckpointError(message, file=run.best, hint=hint)
    return graphs


def _judge(model: nn.Module, graphs: PackedGraphs, config: Config, split: str, *, quiet: bool) -> _Judged:
    fabric = open_fabric(config)
    model.to(fabric.device)
    judged, size = graphs.subset(split), config.batch_size
    if not len(judged):
        raise RunError(f"the {split} split is empty", file=graphs.folder, hint="make more graphs")
    with PartsBar("evaluating", Console(stderr=True, quiet=quiet)) as bar:
        predictions = predict(model, judged, fabric, batch_size=size, advance=bar, what=split)
        val = predict(model, graphs.subset("val"), fabric, batch_size=size, advance=bar, what="calibration")
        train, asked = (
            node_states(model, part, fabric, batch_size=size, advance=bar) for part in (graphs.subset("train"), judged)
        )
    table = judged.table
    evaluation = evaluate_predictions(
        predictions,
        {name: np.array(table[name].to_pylist(), dtype=object) for name in table.column_names},
        split=split,
        label_names=graphs.schema.labels,
        temperature=fit_temperature(val.logits, val.labels),
        decoded=None if train is None or asked is None else decode(train, asked, seed=config.seed),
        seed=config.seed,
    )
    return _Judged(judged, predictions, evaluation)


def _write_predictions(judged: _Judged, path: Path) -> None:
    """One row per graph: what was said and what is true, beside the columns of the data set's table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    graphs, said = judged.graphs, judged.predictions
    probabilities = softmax(said.logits)
    columns: dict[str, Any] = {
        "index": graphs.indices,
        "label": graphs.labels,
        "predicted": probabilities.argmax(axis=1),
        "confidence": probabilities.max(axis=1),
    }
    for number, name in enumerate(graphs.schema.labels):
        columns[f"logit_{name}"] = said.logits[:, number]
    for name in ("reconstruction_exact", "reconstruction_abstract"):
        if (errors := getattr(said, name)) is not None:
            columns[name] = errors
    columns |= {name: graphs.table[name] for name in graphs.table.column_names if name not in columns}
    with replacing(path) as temporary:
        pq.write_table(pa.table(columns), temporary)


def _write_report(run: Run, config: Config, model: nn.Module, graphs: PackedGraphs, judged: _Judged) -> Path:
    split = judged.evaluation["split"]
    drawn = evaluation_figures(
        judged.evaluation,
        judged.predictions.logits,
        judged.graphs.labels,
        graphs.schema.labels,
        history=run.read_history(),
        errors=judged.predictions.reconstruction_abstract,
    )
    if isinstance(model, Hierarchy):
        at = pick_small(judged.graphs, np.arange(len(judged.graphs)))
        sample, title = judged.graphs.sample(at), f"Graph {at} of the {split} split: up and back"
        drawn["climb"] = climb_figure(climb(model, judged.graphs, at), sample, graphs.schema, title)
    pictures = {name: png_bytes(figure) for name, figure in drawn.items()}
    folder = split_file(run.figures, split)
    folder.mkdir(exist_ok=True)
    for name, picture in pictures.items():
        with replacing(folder / f"{name}.png") as temporary:
            temporary.write_bytes(picture)
    report = Report(
        title=run.name,
        domain=config.domain,
        evaluation=judged.evaluation,
        figures=pictures,
        config=config.to_json(),
        facts=_facts(run),
        audit=read_audit(graphs),
        examples=draw_examples(judged.graphs, judged.predictions.logits),
        mistakes=worst_mistakes(judged.graphs, judged.predictions.logits),
        parameters=parameter_table(model).part_table(),
    )
    return write_report(run.folder, report, split_file(run.report, split).name)


def _facts(run: Run) -> dict[str, Any]:
    """Where the run came from, and how long it took."""
    checkpoint = load_checkpoint(run.best)
    seconds = sum(record["resources"]["seconds"] for record in run.read_history())
    return read_tables(run)[1] | {"best epoch": checkpoint["epoch"], "seconds of training": round(seconds, 1)}
