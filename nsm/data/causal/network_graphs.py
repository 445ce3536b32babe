"""From a question about a Bayesian network to a graph; the variables are node types, so their tables can be learnt."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nsm.data.causal.graphs import ROLES
from nsm.data.causal.network_questions import NetworkQuestion
from nsm.data.causal.networks import BayesianNetwork
from nsm.data.causal.paths import directed_edges, open_edges
from nsm.data.causal.worlds import ancestors
from nsm.data.triples import Info, Sample, Schema

__all__ = ["network_graph", "network_schema"]

FEATURES = ("asked", "observed", "set to")
LABELS = ("lower", "higher")


def network_schema(network: BayesianNetwork) -> Schema:
    """The vocabulary of graphs about one network: its variables are the node types.

    Raises:
        DataError: If it has more variables than there can be node types.
    """
    states = range(max(network.cards))
    return Schema(
        domain="causal",
        node_types=network.variables,
        roles=ROLES,
        relations=("causes",),
        labels=LABELS,
        values=(*(f"{feature} {state}" for feature in FEATURES for state in states), "intervention"),
        order_channels=0,
    )


def network_graph(network: BayesianNetwork, question: NetworkQuestion, *, group: str, info: Info) -> Sample:
    """Builds the sample of one question: the variables it names and all that lead to them.

    Args:
        network: The network.
        question: What is asked.
        group: Name of what is asked about.
        info: Columns of the data set's table.
    """
    named = {question.query, *question.observed, *question.intervened}
    relevant = ancestors([list(row) for row in network.parents], named)
    drawn = [v for v in network.topological if v in relevant]
    number = {v: place for place, v in enumerate(drawn)}
    parents = [[number[p] for p in network.parents[v]] for v in drawn]
    edges = [(head, tail) for tail, row in enumerate(parents) for head in row]
    head, tail = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    seen, fixed = {number[v] for v in question.observed}, {number[v] for v in question.intervened}
    evidence = open_edges(parents, seen | fixed, number[question.query], fixed)
    evidence |= directed_edges(parents, fixed, number[question.query], fixed | seen)
    role = np.zeros(network.size, dtype=np.int64)
    role[[*question.observed]] = ROLES.index("observed")
    role[[*question.intervened]] = ROLES.index("intervened")
    role[question.query] = ROLES.index("query")
    states = max(network.cards)
    value = np.zeros((network.size, len(FEATURES) * states + 1), dtype=np.float32)
    given: tuple[Mapping[int, int], ...] = ({question.query: question.asked}, question.observed, question.intervened)
    for place, assignment in enumerate(given):
        for v, state in assignment.items():
            value[v, place * states + state] = 1
    value[:, -1] = bool(question.intervened)
    return Sample(
        node_type=np.array(drawn, dtype=np.int64),
        role=role[drawn],
        order=np.full(len(drawn), -1),
        value=value[drawn],
        head=head,
        relation=np.zeros(len(edges), dtype=np.int64),
        tail=tail,
        label=int(question.is_higher),
        group=group,
        names=[_name(network, question, v) for v in drawn],
        evidence_nodes=tuple(sorted({v for pair in evidence for v in pair})),
        evidence_triples=tuple(place for place, pair in enumerate(edges) if pair in evidence),
        info=info,
    )


def _name(network: BayesianNetwork, question: NetworkQuestion, v: int) -> str:
    """The variable with what the question says of it, for display."""
    name, states = network.variables[v], network.states[v]
    if v == question.query:
        return f"{name} = {states[question.asked]}?"
    if v in question.intervened:
        return f"do({name} = {states[question.intervened[v]]})"
    return f"{name} = {states[question.observed[v]]}" if v in question.observed else name
