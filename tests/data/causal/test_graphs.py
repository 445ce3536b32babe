"""What a causal graph shows: everything that determines the answer, nothing that gives it away."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nsm.data.causal.graphs import CAUSAL_SCHEMA, question_graph
from nsm.data.causal.noise import draw_label
from nsm.data.causal.questions import RUNGS, Question, find_twins
from nsm.data.causal.scenarios import Scenario, draw_scenario
from nsm.data.causal.worlds import Worlds
from nsm.data.triples import Sample


def drawn(rung: int, hidden_share: float = 0.0, seed: int = 0) -> tuple[Scenario, Question, Sample]:
    rng = np.random.default_rng(seed)
    while True:
        scenario = draw_scenario(rng, 7, hidden_share)
        if scenario is None or (hidden_share and scenario.is_drawn):
            continue
        worlds = Worlds(scenario.model)
        for question, _ in find_twins(scenario, worlds, rung, rng):
            names = scenario.names(question.query, rng)
            draw = draw_label(worlds, question, rng)
            return scenario, question, question_graph(scenario, question, draw, names=names, group="g", info={})


def column(sample: Sample, name: str) -> list[float]:
    return [float(v) for v in sample.value[:, CAUSAL_SCHEMA.values.index(name)]]


@pytest.mark.parametrize("rung", range(len(RUNGS)), ids=RUNGS)
def test_the_model_and_the_question_can_be_read_back(rung: int) -> None:
    scenario, question, sample = drawn(rung)
    sample.check(CAUSAL_SCHEMA)
    model = scenario.model
    assert sample.node_type.tolist() == model.kind.tolist()
    level = np.where(model.kind == 2, column(sample, "threshold"), column(sample, "leak"))
    np.testing.assert_allclose(level, model.level, rtol=1e-6)
    np.testing.assert_allclose(column(sample, "noise"), model.noise, rtol=1e-6)
    edges = {
        (h, t): (("promotes", "inhibits")[r], round(c, 4))
        for h, r, t, c in zip(
            sample.head.tolist(),
            sample.relation.tolist(),
            sample.tail.tolist(),
            sample.confidence.tolist(),
            strict=True,
        )
    }
    assert edges == {
        (parent, v): ("promotes" if promotes else "inhibits", strength)
        for v, causes in enumerate(model.causes)
        for parent, promotes, strength in causes
    }
    for value in (0, 1):
        assert column(sample, f"observed {value}") == (question.observed == value).tolist()
        assert column(sample, f"set to {value}") == (question.intervened == value).tolist()
    assert [column(sample, name)[0] for name in RUNGS] == [float(i == rung) for i in range(3)]
    assert CAUSAL_SCHEMA.roles[sample.role[question.query]] == "query"
    assert (sample.role == CAUSAL_SCHEMA.roles.index("query")).sum() == 1


def test_nothing_that_a_model_sees_depends_on_the_draw() -> None:
    scenario, question, _ = drawn(2)
    rng, names = np.random.default_rng(5), ["x"] * scenario.model.size
    seen, labels = set(), set()
    for _ in range(60):
        draw = draw_label(Worlds(scenario.model), question, rng)
        one = question_graph(scenario, question, draw, names=names, group="g", info={})
        arrays = (one.node_type, one.role, one.order, one.value, one.head, one.relation, one.tail, one.confidence)
        seen.add(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays))
        labels.add(one.label)
    assert (len(seen), labels) == (1, {0, 1})


def test_an_undrawn_confounder_is_only_in_the_source() -> None:
    scenario, _, sample = drawn(0, hidden_share=1.0)
    assert sample.num_nodes == scenario.model.size - 1
    assert "unmeasured cause" not in sample.names
    stored = json.loads(sample.source)["undrawn"]
    assert stored["value"] in (0, 1)
    assert scenario.hidden is not None
    effects = scenario.model.children[scenario.hidden]
    assert [scenario.drawn[effect["node"]] for effect in stored["effects"]] == effects
    assert sample.num_triples == (scenario.model.parent >= 0).sum() - len(effects)


@pytest.mark.parametrize("rung", range(len(RUNGS)), ids=RUNGS)
def test_evidence_leads_to_the_query(rung: int) -> None:
    for seed in range(6):
        _, question, sample = drawn(rung, seed=seed)
        assert sample.evidence_triples, "twins differ, so something must lead to the query"
        assert question.query in sample.evidence_nodes
        ends = {int(v) for i in sample.evidence_triples for v in (sample.head[i], sample.tail[i])}
        assert ends == set(sample.evidence_nodes)
        asked = np.flatnonzero((question.observed >= 0) | (question.intervened >= 0))
        assert ends & set(asked.tolist())
