"""From a story to a graph: nothing of the plan is lost, no name gets in, and evidence points at the failure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nsm.data.packed import PackedGraphs
from nsm.data.planning.confirm import replay
from nsm.data.planning.execution import Execution
from nsm.data.planning.generators import GENERATORS
from nsm.data.planning.graphs import LABELS, NODE_TYPES, ROLES, planning_schema, story_graph
from nsm.data.planning.grounding import GroundTask
from nsm.data.planning.strips import Atom
from nsm.data.planning.swaps import Story, Swapper
from nsm.data.triples import Sample
from nsm.data.writing import write_packed
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


@pytest.mark.parametrize("family", list(GENERATORS))
def test_facts_and_objects_stand_by_name_whatever_the_plan_does_first(family: str) -> None:
    for one in stories(family):
        sample = sample_of(one)
        facts = np.flatnonzero(sample.node_type == NODE_TYPES.index("fact")).tolist()
        numbers = {str(fact): fact for fact in one.task.facts}
        told = [numbers[sample.names[node]] for node in facts]
        assert told == sorted(told) and facts == list(range(facts[0], facts[-1] + 1))
        objects = np.flatnonzero(sample.node_type == NODE_TYPES.index("object")).tolist()
        assert objects == list(range(facts[-1] + 1, len(sample.names)))
        assert (names := [sample.names[node] for node in objects]) == sorted(names)


def renamed(one: Story) -> Story:
    """The same story about objects whose names sort the other way round; constants keep theirs."""
    task, problem = one.task, one.task.problem
    free = [name for name in problem.objects if name not in task.domain.constants]
    new = {name: f"thing{len(free) - place:03}" for place, name in enumerate(sorted(free))}

    def facts(atoms: Iterable[Atom]) -> tuple[Atom, ...]:
        return tuple(Atom(atom.predicate, tuple(new.get(arg, arg) for arg in atom.args)) for atom in atoms)

    objects = {new.get(name, name): kind for name, kind in problem.objects.items()}
    other = replace(problem, objects=objects, init=facts(problem.init), goal=facts(problem.goal))
    task = GroundTask(task.domain, other)
    plan = task.plan((action.name, [new.get(arg, arg) for arg in action.args]) for action in one.plan)
    init, goal = (task.mask(facts(one.task.atoms(mask))) for mask in (one.init, one.goal))
    return Story(task, init, tuple(plan), goal)


@pytest.mark.parametrize("family", list(GENERATORS))
def test_renaming_objects_changes_names_only(family: str, tmp_path: Path) -> None:
    told = [one for original in stories(family) for one in (original, renamed(original))]
    samples = [sample_of(one) for one in told]
    assert all(set(a.names) != set(b.names) for a, b in zip(samples[::2], samples[1::2], strict=True))
    write_packed(tmp_path, SCHEMA, samples)
    hashes = PackedGraphs.open(tmp_path).content_hashes(range(len(samples)))
    assert (hashes[::2] == hashes[1::2]).all()
    assert len(np.unique(hashes)) > 1
    assert [sample.label for sample in samples[::2]] == [sample.label for sample in samples[1::2]]


@pytest.mark.parametrize("family", list(GENERATORS))
def test_what_the_executor_says_is_the_label_and_the_evidence_and_nothing_else(family: str) -> None:
    for one in stories(family):
        sample, other = (story_graph(one, said, group="g", info={}) for said in (one.run(), Execution(True)))
        assert other.label == 1 and other.evidence_nodes == ()
        for name in ("node_type", "role", "order", "value", "head", "relation", "tail"):
            assert np.array_equal(getattr(sample, name), getattr(other, name))
        assert (sample.names, sample.source) == (other.names, other.source)
        facts = sample.node_type == NODE_TYPES.index("fact")
        assert (sample.role[~facts] == ROLES.index("none")).all()


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
