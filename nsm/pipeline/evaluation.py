"""From a run to what its model is worth: figures, a table of predictions, a page to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
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
from nsm.errors import ConfigError, RunError
from nsm.models import Hierarchy
from nsm.pipeline.datasets import read_audit
from nsm.pipeline.loading import load_model
from nsm.pipeline.other_data import ALL, OtherData, open_other, require_name
from nsm.pipeline.prediction import node_states, predict
from nsm.pipeline.ranking import rank
from nsm.pipeline.reopening import run_config, run_graphs
from nsm.runs import Run, find_run, replacing, resolve_root, write_json
from nsm.training.checkpoints import load_checkpoint
from nsm.training.device import arithmetic, open_fabric
from nsm.training.memory import MicroBatches
from nsm.training.progress import PartsBar

if TYPE_CHECKING:
    from nsm.config import Config
    from nsm.data.packed import PackedGraphs

__all__ = ["EvaluationResult", "evaluate", "load_run_data"]


@dataclass(frozen=True)
class EvaluationResult:
    """What an evaluation found.

    Attributes:
        run: The run.
        report: The page to read.
        figures: Everything measured, by name; ``accuracy`` and ``majority`` among it.
        pictures: Folder of the pictures.
        logits: What the model said of each graph of the split, ``(G, K)``.
    """

    run: Run
    report: Path
    figures: dict[str, Any]
    pictures: Path
    logits: npt.NDArray[Any]

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


def evaluate(
    run: Run | str | Path,
    *,
    split: str | None = None,
    checkpoint: Path | None = None,
    root: Path | None = None,
    data: Path | None = None,
    overrides: Sequence[str] = (),
    name: str | None = None,
    quiet: bool = False,
) -> EvaluationResult:
    """Evaluates the best model of a run; results, predictions, figures and a report go into its folder.

    Args:
        run: The run, its folder, or its name below the root.
        split: ``test`` (the default), ``val`` or ``train``; the files of the latter two carry the split in their name.
            Of other data ``all``, which is the default there.
        checkpoint: Another of its checkpoints than ``best_model.pt``; the files then carry its name as well.
        root: Where runs are kept; see :func:`nsm.runs.resolve_root`.
        data: Where the user's own data are now, if they have been moved.
        overrides: Pairs ``key=value`` of the data, to evaluate on others than the run was trained on; graphs that it
            has been trained or validated on are left out.
        name: What files about other data carry in their name; by default the name of the data set.
        quiet: Whether to show no progress.

    Raises:
        RunError: If there is no such run.
        ConfigError: If a setting of the other data does not fit.
        DataError: If the other data have other vocabularies.
        CheckpointError: If its checkpoint is missing, damaged, or from other data than can be built now.
    """
    run = run if isinstance(run, Run) else find_run(run, resolve_root(root))
    config = run_config(run, root, data=data)
    if name is not None:
        require_name(name)
    if not overrides and (split == ALL or name is not None):
        raise ConfigError("all graphs, and a name, are for other data", hint="say which: --set KEY=VALUE")
    with arithmetic(config):
        model = load_model(run, checkpoint)
        graphs = run_graphs(run, config, load_checkpoint(run.best)["data_fingerprint"], quiet=quiet)
        other = None
        if overrides:
            changed = run_config(run, root, overrides)
            other = open_other(config, changed, graphs, settings=overrides, split=split or ALL, quiet=quiet)
        label = split or "test" if other is None else name or _default_name(other, split)
        asked = graphs.subset(label) if other is None else other.graphs
        judged = _judge(model, graphs, asked, config, label, quiet=quiet)
        if other is not None:
            judged.evaluation["data"] = other.to_json()
        elif config.domain == "kg":
            _add_ranking(judged.evaluation, rank(config, run, label, quiet=quiet))
    if checkpoint is not None and checkpoint.name != run.best.name:
        label = f"{checkpoint.stem}_{label}"
    write_json(split_file(run.final_results, label), judged.evaluation)
    _write_predictions(judged, split_file(run.predictions, label))
    report = _write_report(run, config, model, judged, label)
    return EvaluationResult(run, report, judged.evaluation, split_file(run.figures, label), judged.predictions.logits)


def _default_name(other: OtherData, split: str | None) -> str:
    name = other.graphs.folder.name
    return name if split in (None, ALL) else f"{name}_{split}"


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
    config = run_config(run, root, data=data)
    return run_graphs(run, config, load_checkpoint(run.best)["data_fingerprint"], quiet=quiet)


def _judge(
    model: nn.Module, graphs: PackedGraphs, judged: PackedGraphs, config: Config, split: str, *, quiet: bool
) -> _Judged:
    """What the model says of some graphs, and what that is worth; ``graphs`` are those that it was trained on."""
    fabric, size = open_fabric(config), config.batch_size
    model.to(fabric.device)
    if not len(judged):
        raise RunError(f"the {split} split is empty", file=graphs.folder, hint="make more graphs")
    console = Console(stderr=True, quiet=quiet)
    micro = MicroBatches(tell=lambda text: console.print(text, highlight=False, soft_wrap=True))
    with PartsBar("evaluating", console) as bar:
        how: dict[str, Any] = {"batch_size": size, "advance": bar, "micro": micro}
        predictions = predict(model, judged, fabric, what=split, **how)
        val = predict(model, graphs.subset("val"), fabric, what="calibration", **how)
        found = []
        for by_structure in (False, True):
            train, asked = (
                node_states(model, part, fabric, by_structure=by_structure, **how)
                for part in (graphs.subset("train"), judged)
            )
            found.append(None if train is None or asked is None else decode(train, asked, seed=config.seed))
    table = judged.table
    evaluation = evaluate_predictions(
        predictions,
        {name: np.array(table[name].to_pylist(), dtype=object) for name in table.column_names},
        split=split,
        label_names=graphs.schema.labels,
        temperature=fit_temperature(val.logits, val.labels),
        decoded=found[0],
        decoded_structure=found[1],
        seed=config.seed,
    )
    evaluation |= {"micro_batch": micro.size} if micro.size else {}  # memory ran out
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


def _write_report(run: Run, config: Config, model: nn.Module, judged: _Judged, label: str) -> Path:
    split, schema = judged.evaluation["split"], judged.graphs.schema
    drawn = evaluation_figures(
        judged.evaluation,
        judged.predictions.logits,
        judged.graphs.labels,
        schema.labels,
        history=run.read_history(),
        errors=judged.predictions.reconstruction_abstract,
    )
    if isinstance(model, Hierarchy):
        at = pick_small(judged.graphs, np.arange(len(judged.graphs)))
        sample, title = judged.graphs.sample(at), f"Graph {at} of the {split} split: up and back"
        drawn["climb"] = climb_figure(climb(model, judged.graphs, at), sample, schema, title)
    pictures = {name: png_bytes(figure) for name, figure in drawn.items()}
    folder = split_file(run.figures, label)
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
        audit=read_audit(judged.graphs),
        examples=draw_examples(judged.graphs, judged.predictions.logits),
        mistakes=worst_mistakes(judged.graphs, judged.predictions.logits),
        parameters=parameter_table(model).part_table(),
    )
    return write_report(run.folder, report, split_file(run.report, label).name)


def _facts(run: Run) -> dict[str, Any]:
    """Where the run came from, and how long it took."""
    checkpoint = load_checkpoint(run.best)
    seconds = sum(record["resources"]["seconds"] for record in run.read_history())
    return read_tables(run)[1] | {"best epoch": checkpoint["epoch"], "seconds of training": round(seconds, 1)}
