"""From a question about a scenario to a graph in which everything that determines the answer can be seen."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt

from nsm.data.causal.models import KINDS, THRESHOLD
from nsm.data.causal.noise import Draw
from nsm.data.causal.paths import directed_edges, open_edges
from nsm.data.causal.questions import ASSOCIATION, COUNTERFACTUAL, RUNGS, Question
from nsm.data.causal.scenarios import Scenario
from nsm.data.triples import Info, Sample, Schema

__all__ = ["CAUSAL_SCHEMA", "question_graph"]

Array = npt.NDArray[Any]

ROLES = ("none", "observed", "intervened", "query")
OBSERVED, INTERVENED, QUERY = 1, 2, 3
RELATIONS = ("promotes", "inhibits")
VALUES = ("leak", "threshold", "noise", "observed 0", "observed 1", "set to 0", "set to 1", *RUNGS)
CAUSAL_SCHEMA = Schema(
    domain="causal",
    node_types=KINDS,
    roles=ROLES,
    relations=RELATIONS,
    labels=("0", "1"),
    values=VALUES,
    order_channels=0,
)


def question_graph(
    scenario: Scenario, question: Question, draw: Draw, *, names: list[str], group: str, info: Info
) -> Sample:
    """Builds the sample of one question.

    Args:
        scenario: The model.
        question: What is asked.
        draw: The answer that was drawn; only the label and the source come from it.
        names: Name of each variable, for display.
        group: Name of the scenario.
        info: Columns of the data set's table.
    """
    model, drawn = scenario.model, scenario.drawn
    edges = scenario.edges
    promotes = model.promotes[edges.effect, edges.place]
    evidence = _evidence(scenario, question)
    triples = tuple(i for i, pair in enumerate(zip(edges.head, edges.tail, strict=True)) if pair in evidence)
    return Sample(
        node_type=model.kind[drawn],
        role=_roles(question)[drawn],
        order=np.full(len(drawn), -1),
        value=_values(scenario, question),
        head=np.array(edges.head, dtype=np.int64),
        relation=np.where(promotes, 0, 1),
        tail=np.array(edges.tail, dtype=np.int64),
        label=draw.label,
        group=group,
        confidence=model.strength[edges.effect, edges.place].astype(np.float32),
        names=[names[v] for v in drawn],
        evidence_nodes=tuple(sorted({v for pair in evidence for v in pair})),
        evidence_triples=triples,
        info=info,
        source=_source(scenario, draw),
    )


def _roles(question: Question) -> Array:
    role = np.where(question.observed >= 0, OBSERVED, 0)
    role[question.intervened >= 0] = INTERVENED
    role[question.query] = QUERY
    return role


def _values(scenario: Scenario, question: Question) -> npt.NDArray[np.float32]:
    model = scenario.model
    value = np.zeros((model.size, len(VALUES)), dtype=np.float32)
    is_threshold = model.kind == THRESHOLD
    value[:, 0] = np.where(is_threshold, 0, model.level)
    value[:, 1] = np.where(is_threshold, model.level, 0)
    value[:, 2] = model.noise
    for column, given in ((3, question.observed), (5, question.intervened)):
        known = np.flatnonzero(given >= 0)
        value[known, column + given[known]] = 1
    value[:, len(VALUES) - len(RUNGS) + question.rung] = 1
    return value[scenario.drawn]


def _evidence(scenario: Scenario, question: Question) -> set[tuple[int, int]]:
    """The edges of open paths to the query, numbered as in the graph.

    Of an association, the open trails from what is observed; of an intervention, these and the directed paths from
    what is set, in the graph without the edges into what is set; of a counterfactual, the directed paths alone. Where
    its intervention cannot reach the query, which is then as it was, they are the open trails from what is observed.
    """
    number = {v: i for i, v in enumerate(scenario.drawn)}
    parents = [[number[p] for p in scenario.model.parents[v] if p in number] for v in scenario.drawn]
    seen = {number[v] for v in np.flatnonzero(question.observed >= 0).tolist()}
    fixed = {number[v] for v in np.flatnonzero(question.intervened >= 0).tolist()}
    query = number[question.query]
    if question.rung == COUNTERFACTUAL:
        return directed_edges(parents, fixed, query, fixed) or open_edges(parents, seen - {query}, query, set())
    if question.rung == ASSOCIATION:
        return open_edges(parents, seen, query, set())
    return directed_edges(parents, fixed, query, fixed | seen) | open_edges(parents, seen | fixed, query, fixed)


def _source(scenario: Scenario, draw: Draw) -> str:
    """The noise that was drawn, so that the answer can be followed; and a confounder that is not drawn."""
    model, noise, edges = scenario.model, draw.noise, scenario.edges
    stored: dict[str, Any] = {
        "leaks": [int(noise.leaks[v]) for v in scenario.drawn],
        "flips": [int(noise.flips[v]) for v in scenario.drawn],
        "transmits": [
            [head, tail]
            for head, tail, v, place in zip(edges.head, edges.tail, edges.effect, edges.place, strict=True)
            if noise.transmits[v][place]
        ],
    }
    if not scenario.is_drawn and scenario.hidden is not None:
        number = {v: i for i, v in enumerate(scenario.drawn)}
        stored["undrawn"] = {
            "value": int(draw.world[scenario.hidden]),
            "effects": [
                {
                    "node": number[v],
                    "relation": RELATIONS[0 if model.promotes[v, place] else 1],
                    "strength": float(model.strength[v, place]),
                    "transmits": int(noise.transmits[v][place]),
                }
                for v in model.children[scenario.hidden]
                for place, parent in enumerate(model.parents[v])
                if parent == scenario.hidden
            ],
        }
    return json.dumps(stored, separators=(",", ":"))
