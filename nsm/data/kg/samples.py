"""From subgraphs to samples: entities and the fact in question are nodes, known facts are triples.

The fact in question is a node of its own, ``?``, with the asked relation on both sides, head -r-> ? -r-> tail, and an
edge ``about`` to every other entity, so that all of them know soon what is asked. A known fact of the asked relation
has, beside its own edge, one of the relation ``asked``: what it says does not depend on which relation that is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nsm.data.kg.evidence import supporting_facts
from nsm.data.kg.extraction import Neighbourhood, Queries, Subgraphs, extract
from nsm.data.kg.graph import KnowledgeGraph
from nsm.data.triples import Info, Sample, Schema

__all__ = ["ABOUT", "ASKED", "QUESTION", "ROLES", "Labelled", "kg_schema", "make_samples"]

ABOUT, ASKED, QUESTION = "about", "asked", "?"
LABELS = ("false", "true")
ROLES = ("none", "head", "tail", "query")

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Labelled:
    """What a sample has beside its graph; one entry per query.

    Args:
        label: Whether the fact holds, ``(Q,)``.
        group: Groups of the samples.
        info: Columns of the data set's table.
        source: Where the query came from, as JSON values.
    """

    label: Array
    group: Sequence[str]
    info: Sequence[Info]
    source: Sequence[dict[str, Any]]


def kg_schema(relations: Sequence[str], hops: int) -> Schema:
    """Node types are the distances from head and tail; relations are those of the graph and two of the question."""
    types = [f"entity {a}-{b}" for a in range(1, hops + 1) for b in range(1, hops + 1)]
    named = [*relations, ABOUT, ASKED]
    if len(set(named)) < len(named):  # the graph has a relation of that name
        named = [*(f"{name} (fact)" for name in relations), ABOUT, ASKED]
    return Schema("kg", ("question", "head", "tail", *types), ROLES, tuple(named), LABELS, (), 0)


def make_samples(
    graph: KnowledgeGraph,
    around: Neighbourhood,
    queries: Queries,
    labelled: Labelled,
    *,
    hops: int,
    max_nodes: int,
    seed: int,
) -> list[Sample]:
    """One sample for each query.

    Args:
        graph: Vocabularies.
        around: The facts that are shown.
        queries: What is asked.
        labelled: Labels, groups, info and sources.
        hops, max_nodes, seed: See :func:`~nsm.data.kg.extraction.extract`.
    """
    found = extract(around, queries, hops=hops, max_nodes=max_nodes, seed=seed)
    support = supporting_facts(found, around.facts.confidence)
    return [_sample(graph, around, queries, labelled, found, support, hops, row) for row in range(len(queries))]


def _sample(
    graph: KnowledgeGraph,
    around: Neighbourhood,
    queries: Queries,
    labelled: Labelled,
    found: Subgraphs,
    support: npt.NDArray[np.bool_],
    hops: int,
    row: int,
) -> Sample:
    """The graph of one query; its nodes are head, tail, the other entities, and the question."""
    nodes, facts = (slice(ptr[row], ptr[row + 1]) for ptr in (found.node_ptr, found.fact_ptr))
    entity, distance = found.node[nodes], found.distance[nodes]
    asked, question = int(queries.relation[row]), len(entity)
    fact = found.fact[facts]
    head, tail, relation = found.head[facts], found.tail[facts], around.facts.relation[fact]
    same = np.flatnonzero(relation == asked)
    others = np.arange(2, question)
    about = np.full(len(others), graph.num_relations)
    role = np.zeros(question + 1, np.int64)
    role[[0, 1, question]] = 1, 2, 3
    node_type = np.concatenate([3 + (distance[:, 0] - 1) * hops + distance[:, 1] - 1, [0]])
    node_type[:2] = 1, 2
    confidence, is_true = around.facts.confidence[fact], bool(labelled.label[row])
    return Sample(
        node_type=node_type,
        role=role,
        order=np.full(question + 1, -1),
        value=np.empty((question + 1, 0), np.float32),
        head=np.concatenate([head, head[same], [0, question], np.full(len(others), question)]),
        relation=np.concatenate([relation, np.full(len(same), graph.num_relations + 1), [asked, asked], about]),
        tail=np.concatenate([tail, tail[same], [question, 1], others]),
        confidence=np.concatenate([confidence, confidence[same], np.ones(2 + len(others), np.float32)]),
        label=int(is_true),
        group=labelled.group[row],
        names=[*(graph.entities[number] for number in entity.tolist()), QUESTION],
        evidence_triples=tuple(np.flatnonzero(support[facts]).tolist()) if is_true else (),
        info={**labelled.info[row], "common": int(found.common[row])},
        source=json.dumps(labelled.source[row], ensure_ascii=False),
    )
