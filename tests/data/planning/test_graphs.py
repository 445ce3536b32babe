"""From a story to a graph: nothing of the plan is lost, no name gets in, and evidence points at the failure."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nsm.data.planning.confirm import replay
from nsm.data.planning.generators import GENERATORS
from nsm.data.planning.graphs import LABELS, NODE_TYPES, ROLES, planning_schema, story_graph
from nsm.data.planning.swaps import Story, Swapper
from nsm.data.triples import Sample
from tests.data.planning.test_view import story

SCHEMA = planning_schema(5)


def sample_of(one: Story) -> Sample:
    return story_graph(one, one.run(), group="g", info={"length": len(one.plan)})


def stories(family: str) -> list[Story]:
    found = []
    for seed in range(3):
        original = story(family, seed)
        found += [original, *list(Swapper(original.task).lookalikes(original))[:5]]
    return found


def replayed(sample: Sample) -> bool:
    """Executes the plan from the graph's triples alone."""
    relations = [SCHEMA.relations[number] for number in sample.relation.tolist()]
    return replay(zip(sample.head.tolist(), relations, sample.tail.tolist(), strict=True))


@pytest.mark.parametrize("family", list(GENERATORS))
def test_the_label_follows_from_the_graph_alone(family: str) -> None:
    labels = set()
    for one in stories(family):
        sample = sample_of(one)
        assert sample.label == one.run().valid == replayed(sample)
        labels.add(sample.label)
    assert labels == {0, 1}


def test_features_are_types_roles_and_orders() -> None:
    one = story("blocksworld", 0)
    sample = sample_of(one)
    length = len(one.plan)
    steps = [NODE_TYPES.index(name) for name in ("initial", "step", "goal")]
    assert sample.order[np.isin(sample.node_type, steps)].tolist() == list(range(length + 2))
    assert (sample.order[~np.isin(sample.node_type, steps)] == -1).all()
    for node, name in enumerate(sample.names):
        if NODE_TYPES[sample.node_type[node]] == "fact":
            number = next(i for i, fact in enumerate(one.task.facts) if str(fact) == name)
            held, wanted = one.init >> number & 1, one.goal >> number & 1
            expected = {
                (0, 0): "none",
                (1, 0): "initially true",
                (0, 1): "goal",
                (1, 1): "initially true and goal",
            }
            assert ROLES[sample.role[node]] == expected[held, wanted]
    assert sample.value.shape == (len(sample.names), 0)


def test_renaming_objects_changes_names_only() -> None:
    one = story("gripper", 4)
    sample = sample_of(one)
    problem = one.task.problem
    new = {name: f"thing{i}" for i, name in enumerate(reversed(list(problem.objects)))}
    assert [sample.names[n] for n in np.flatnonzero(sample.node_type == 0)] != list(new.values())
    for array in (sample.node_type, sample.role, sample.order, sample.head, sample.relation, sample.tail):
        assert np.issubdtype(array.dtype, np.integer)


@pytest.mark.parametrize("family", list(GENERATORS))
def test_evidence_is_the_failing_step_the_broken_fact_and_its_last_change(family: str) -> None:
    seen = 0
    for one in stories(family):
        execution, sample = one.run(), sample_of(one)
        if execution.valid:
            assert sample.evidence_nodes == sample.evidence_triples == ()
            continue
        seen += 1
        failing = (execution.failed_step or 0) + 1
        names = [sample.names[node] for node in sample.evidence_nodes]
        assert sample.evidence_nodes[0] == failing
        assert {str(one.task.facts[fact]) for fact in execution.unmet} <= set(names)
        for number in sample.evidence_triples:
            head, tail = sample.head[number], sample.tail[number]
            assert head in sample.evidence_nodes and tail in sample.evidence_nodes
        relations = {SCHEMA.relations[sample.relation[n]] for n in sample.evidence_triples}
        assert relations & {"needs", "consumes", "goal", "needs_not", "goal_not"}
    assert seen


def test_the_source_text_tells_the_story() -> None:
    one = story("ferry", 1)
    told = json.loads(sample_of(one).source)
    assert [tuple(step) for step in told["plan"]] == [(a.name, *a.args) for a in one.plan]
    assert {tuple(f) for f in told["init"]} == {(f.predicate, *f.args) for f in one.task.atoms(one.init)}
    assert told["swap"]["kind"] == "none" and LABELS == ("invalid", "valid")
