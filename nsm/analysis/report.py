"""The report of a run: one HTML file with everything inside, readable without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nsm.analysis import plots
from nsm.analysis.curves import training_curves
from nsm.analysis.drawing import draw_sample, readable_triples
from nsm.analysis.levels import levels_figure
from nsm.analysis.metrics import softmax
from nsm.analysis.pages import render_page
from nsm.analysis.run_results import flat_settings
from nsm.runs import write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nsm.analysis.tables import Table
    from nsm.data.packed import PackedGraphs
    from nsm.data.triples import Sample, Schema

__all__ = ["Example", "Report", "draw_examples", "evaluation_figures", "example_of", "pick_small", "write_report"]

Array = npt.NDArray[Any]

CAPTIONS = {
    "training_curves": "Loss by term and accuracy over the epochs; dotted: training, solid: validation. In the first "
    "epochs the training loss holds less of the cycle loss than the validation loss does: compare them by term.",
    "confusion": "Graphs by true and predicted class, with the share of the true class.",
    "by_family": "Accuracy on each family of problems.",
    "by_rung": "Accuracy on each rung of the causal ladder.",
    "by_reach": "Accuracy where twins differ next to what is asked about, and where only further away.",
    "by_confounder": "Accuracy by hidden confounder: none, drawn as a node, or not drawn (an upper bound as ceiling).",
    "by_distance": "Accuracy by the steps from a failure back to its cause; failures with their twins.",
    "by_length": "Accuracy by the number of steps of the plan, or of facts of the story.",
    "confidence": "How sure the model is of its predictions, right ones and mistakes.",
    "reliability": "Confidence against accuracy. On the dashed line, 80 % is right in 80 of 100 cases.",
    "ranking": "ROC and precision-recall curves.",
    "levels": "Error of each level's features after its message passing, from the abstract level alone (that above is "
    "of the input, below level 0); with details it is rounding.",
    "climb": "One graph on its way up, coloured by the node of the top that stands for each, and back down.",
    "reconstruction": "Error of each graph's reconstruction from the abstract level, without details.",
}
PARTS = {
    "by_family": ("Accuracy by family", "family"),
    "by_rung": ("Accuracy by rung", "rung"),
    "by_reach": ("Accuracy by where twins differ", "from the query"),
    "by_confounder": ("Accuracy by hidden confounder", "confounder"),
    "by_distance": ("Accuracy by distance from the failure to its cause", "steps back to the cause"),
    "by_length": ("Accuracy by length", "steps or facts"),
}


@dataclass(frozen=True)
class Example:
    """One graph to look at.

    Args:
        title: Why it is shown, for instance ``A mistake``.
        caption: What the model said, and what is true.
        picture: PNG file.
        evidence: The triples that decide the label, as readable lines.
        triples: All triples, as readable lines.
    """

    title: str
    caption: str
    picture: bytes
    evidence: tuple[str, ...]
    triples: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """What a report shows; whatever is empty or None is left out.

    Args:
        title: Name of the run.
        domain: Domain of the data set.
        evaluation: What `nsm.analysis.evaluation.evaluate_predictions` returned.
        figures: PNG files by name; see ``CAPTIONS`` for the names that have a caption.
        config: The configuration that ran, nested.
        facts: Single facts about the run, in order: versions, device, parameters, seconds, data fingerprint,
            ...
        audit: What ``AuditResult.to_json`` returned.
        examples: Graphs to look at.
        mistakes: The surest mistakes.
        parameters: Number of parameters by part of the model.
    """

    title: str
    domain: str
    evaluation: Mapping[str, Any]
    figures: Mapping[str, bytes] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    audit: Mapping[str, Any] | None = None
    examples: Sequence[Example] = ()
    mistakes: Table | None = None
    parameters: Table | None = None


def write_report(run_folder: Path, report: Report, name: str = "report.html") -> Path:
    """Writes the report into the run folder, atomically, and returns its path.

    Args:
        run_folder: The folder of the run; its files are listed at the end of the report.
        report: What to show.
        name: Name of the file.
    """
    html = render_page(
        "report.html.j2",
        report=report,
        evaluation=report.evaluation,
        captions=CAPTIONS,
        parts={key: value for key, value in PARTS.items() if report.evaluation.get(key)},
        settings=flat_settings(report.config),
        files=_files(run_folder, name),
    )
    path = run_folder / name
    write_text(path, html)
    return path


def evaluation_figures(
    evaluation: Mapping[str, Any],
    logits: Array,
    labels: Array,
    label_names: Sequence[str],
    *,
    history: Sequence[Mapping[str, Any]] = (),
    errors: Array | None = None,
) -> dict[str, Figure]:
    """Every figure of a report that its numbers allow, by name.

    Args:
        evaluation: What `nsm.analysis.evaluation.evaluate_predictions` returned.
        logits: ``(G, K)``.
        labels: ``(G,)``.
        label_names: Names of the classes.
        history: Lines of the history; see `nsm.analysis.curves.training_curves`.
        errors: Reconstruction error of each graph without details, ``(G,)``.
    """
    figures = {}
    if history:
        figures["training_curves"] = training_curves(history, evaluation["majority"])
    figures["confusion"] = plots.confusion_figure(evaluation["confusion"], label_names)
    for name, (title, x) in PARTS.items():
        if evaluation.get(name):
            figures[name] = plots.parts_figure(evaluation[name], title, x)
    figures["confidence"] = plots.confidence_histogram(logits, labels)
    figures["reliability"] = plots.reliability_diagram(logits, labels, evaluation["temperature"])
    if evaluation["auc"] is not None:
        figures["ranking"] = plots.ranking_curves(logits, labels, label_names)
    if evaluation.get("reconstruction_by_level"):
        figures["levels"] = levels_figure(evaluation, history)
    if errors is not None:
        figures["reconstruction"] = plots.reconstruction_histogram(errors)
    return figures


def draw_examples(graphs: PackedGraphs, logits: Array) -> list[Example]:
    """Graphs with their evidence: one of each label judged rightly (two at most), and one mistake.

    The surest mistake is shown, and among the right ones a small graph, which is easier to read.

    Args:
        graphs: The evaluated graphs.
        logits: What the model said of them, ``(G, K)``.
    """
    probabilities, labels = softmax(logits), graphs.labels
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    chosen: list[tuple[str, int]] = []
    for label in reversed(range(len(graphs.schema.labels))):
        right = np.flatnonzero((predicted == labels) & (labels == label))
        if len(right):
            name = graphs.schema.labels[label]
            chosen.append((f"Judged rightly: {name}", pick_small(graphs, right)))
    chosen = chosen[:2]
    wrong = np.flatnonzero(predicted != labels)
    if len(wrong):
        chosen.append(("A mistake", int(wrong[confidence[wrong].argmax()])))
    schema = graphs.schema
    return [example_of(title, graphs.sample(i), schema, int(predicted[i]), float(confidence[i])) for title, i in chosen]


def pick_small(graphs: PackedGraphs, positions: Array) -> int:
    """A graph of about the lower quartile in size (nodes and triples) among the first hundred."""
    candidates = positions[:100]
    batch = graphs.batch(candidates)
    triples = np.bincount(batch.batch.numpy()[batch.edge_index[0].numpy()], minlength=len(candidates))
    sizes = np.diff(batch.ptr.numpy()) + triples
    return int(candidates[np.argsort(sizes, kind="stable")[len(sizes) // 4]])


def example_of(title: str, sample: Sample, schema: Schema, predicted: int, confidence: float) -> Example:
    """Draws one graph with its evidence, and says what the model said and what is true.

    Args:
        title: Why it is shown.
        sample: The graph.
        schema: Vocabularies of its data set.
        predicted: Class that the model says.
        confidence: Its probability.
    """
    truth = schema.labels[sample.label]
    told = {name: f"{v:.3g}" if isinstance(v, float) else v for name, v in sample.info.items() if name != "split"}
    facts = ", ".join(f"{name} {value}" for name, value in told.items())
    said = f"The model says {schema.labels[predicted]} with a probability of {confidence:.1%}; true is {truth}."
    lines = readable_triples(sample, schema)
    heading = title if predicted == sample.label else f"{title} (true: {truth})"
    return Example(
        title=title,
        caption=f"{said} ({sample.num_nodes} nodes, {sample.num_triples} triples; {facts})",
        picture=plots.png_bytes(draw_sample(sample, schema, heading)),
        evidence=tuple(lines[number].strip("* ") for number in sample.evidence_triples),
        triples=tuple(lines),
    )


def _files(folder: Path, name: str) -> list[tuple[str, str]]:
    """The files of the run by their relative path, with their size."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / name)
    return [(path.relative_to(folder).as_posix(), f"{path.stat().st_size / 1024:,.1f} KiB") for path in paths]
