"""The card of a data set: one page that says what it holds, where it comes from and whether it can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nsm.analysis import charts
from nsm.analysis.description import Description
from nsm.analysis.domain_figures import domain_figures
from nsm.analysis.drawing import draw_sample, readable_triples
from nsm.analysis.pages import render_page
from nsm.analysis.plots import png_bytes
from nsm.analysis.report import Example, pick_small
from nsm.runs import write_text

if TYPE_CHECKING:
    from nsm.data.packed import PackedGraphs

__all__ = ["CAPTIONS", "DataCard", "card_figures", "typical_examples", "write_card"]

LARGEST = (150, 600)  # nodes and triples of a graph that is still drawn
CANDIDATES = 100  # graphs among which a small one is chosen
CAPTIONS = {
    "sizes": "Graphs by their number of nodes and of triples.",
    "labels": "Share of each label, split by split.",
    "degrees": "Nodes by their degree.",
    "vocabulary": "Triples by relation and nodes by type, the most frequent ones.",
    "lengths": "Plans by their number of steps.",
    "operators": "How often each operator is a step of a plan.",
    "rungs": "Share of each answer on the rungs of the causal ladder.",
    "dags": "Questions by the number of nodes of their graph.",
    "cardinalities": "How many tails a head has and how many heads a tail has, among the facts in the graphs.",
    "paths": "Graphs by the number of facts that lead from one end of the question to the other.",
}


@dataclass(frozen=True)
class DataCard:
    """What a card shows.

    Args:
        title: Name of the data set.
        domain: Domain, as it is configured.
        facts: Source, licence, fingerprint and the like, in order.
        description: Counts.
        audit: What ``AuditResult.to_json`` returned.
        figures: PNG files by name, those that every data set has.
        special: PNG files by name, those of the domain.
        examples: Graphs to look at.
    """

    title: str
    domain: str
    facts: Mapping[str, Any]
    description: Mapping[str, Any]
    audit: Mapping[str, Any] | None
    figures: Mapping[str, bytes]
    special: Mapping[str, bytes]
    examples: Sequence[Example]


def write_card(card: DataCard, path: Path) -> None:
    """Writes the card as one HTML file, as a whole or not at all."""
    write_text(path, render_page("card.html.j2", card=card, captions=CAPTIONS))


def card_figures(
    graphs: PackedGraphs, description: Description, domain: str
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The figures that every data set has, and those of its domain, as PNG files by name."""
    vocabulary = {"Relations": description.relations, "Node types": description.node_types}
    general = {
        "labels": charts.share_bars(description.labels, "Labels"),
        "sizes": charts.size_charts(description.nodes, description.triples),
        "degrees": charts.degree_chart(description.degrees),
        "vocabulary": charts.ranked_bars(vocabulary, "in all graphs"),
    }
    special = domain_figures(graphs, description, domain)
    drawn = [{name: png_bytes(figure) for name, figure in figures.items()} for figures in (general, special)]
    return drawn[0], drawn[1]


def typical_examples(graphs: PackedGraphs, description: Description, count: int = 3) -> list[Example]:
    """Draws some graphs, the labels in turn: small ones, and such with evidence where there are any.

    Graphs that are too large to be read are never drawn.

    Args:
        graphs: The data set.
        description: Its counts.
        count: How many graphs.
    """
    is_readable = (description.nodes <= LARGEST[0]) & (description.triples <= LARGEST[1])
    members = [np.flatnonzero(is_readable & (graphs.labels == label)) for label in np.unique(graphs.labels)]
    members = [positions for positions in members if len(positions)]
    chosen: list[int] = []
    for number in range(count if members else 0):
        positions = members[number % len(members)]
        start = len(positions) * number // count  # from all over the set, so from several families
        near = np.setdiff1d(positions[start : start + CANDIDATES], chosen)
        explained = np.array([p for p in near.tolist() if _has_evidence(graphs, p)], np.int64)
        if len(near):
            chosen.append(pick_small(graphs, explained if len(explained) else near))
    return [_example(graphs, position) for position in chosen]


def _has_evidence(graphs: PackedGraphs, position: int) -> bool:
    found = graphs.evidence(position)
    return bool(found.nodes or found.triples)


def _example(graphs: PackedGraphs, position: int) -> Example:
    sample, schema = graphs.sample(position), graphs.schema
    label, lines = schema.labels[sample.label], readable_triples(sample, schema)
    told = {name: f"{v:.3g}" if isinstance(v, float) else v for name, v in sample.info.items() if name != "split"}
    facts = ", ".join(f"{name} {value}" for name, value in told.items())
    title = f"Graph {int(graphs.indices[position])}: {label}"
    return Example(
        title=title,
        caption=f"{sample.num_nodes} nodes, {sample.num_triples} triples; {facts}",
        picture=png_bytes(draw_sample(sample, schema, title)),
        evidence=tuple(lines[number].strip("* ") for number in sample.evidence_triples),
        triples=tuple(lines),
    )
