"""From a story (initial state, plan, goal) to a graph whose relations mean the same in every planning domain."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import numpy as np

from nsm.data.planning.execution import Execution
from nsm.data.planning.grounding import fact_ids
from nsm.data.planning.strips import Atom
from nsm.data.planning.swaps import Story
from nsm.data.planning.view import step_facts
from nsm.data.triples import Info, Sample, Schema

NODE_TYPES = ("object", "fact", "step", "initial", "goal")
ROLES = (
    "none",
    "initially true",
    "goal",
    "initially true and goal",
    "goal not",
    "initially true and goal not",
)
STEP_RELATIONS = ("needs", "consumes", "needs_not", "adds", "deletes")
RELATIONS = (*STEP_RELATIONS, "initial", "goal", "goal_not", "next")
OBJECT, FACT, STEP, INITIAL, GOAL = range(len(NODE_TYPES))
LABELS = ("invalid", "valid")


def planning_schema(max_arity: int) -> Schema:
    """The vocabulary of planning graphs; operators and facts with up to ``max_arity`` arguments fit."""
    arguments = tuple(f"argument_{k}" for k in range(1, max_arity + 1))
    return Schema(domain="planning", node_types=NODE_TYPES, roles=ROLES, relations=RELATIONS + arguments, labels=LABELS)


class _Triples:
    """Grows the triples of one graph; a triple's number is its place."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, int]] = []

    def add(self, head: int, relation: str, tail: int) -> None:
        self.rows.append((head, RELATIONS.index(relation), tail))

    def arguments(self, head: int, places: Iterable[int]) -> None:
        self.rows += [(head, len(RELATIONS) + k, place) for k, place in enumerate(places)]

    def find(self, head: int, relations: Sequence[str], tail: int) -> list[int]:
        wanted = [(head, RELATIONS.index(relation), tail) for relation in relations]
        return [number for number, row in enumerate(self.rows) if row in wanted]


def story_graph(story: Story, execution: Execution, *, group: str, info: Info) -> Sample:
    """Builds the sample of one story.

    Nodes are, in this order, the initial state, the steps, the goal, the facts that the plan or the goal mentions and
    the objects in them, both by name: by first mention they would tell the order of the steps. Facts of the initial
    state that nothing mentions cannot matter and are left out.

    Args:
        story: The story.
        execution: What the executor says of it; only the label and the evidence come from it.
        group: Name of the problem.
        info: Columns of the data set's table.
    """
    task, length = story.task, len(story.plan)
    facts = _facts(story)
    objects = sorted(
        {arg for number in facts for arg in task.facts[number].args} | {a for s in story.plan for a in s.args}
    )
    fact_node = {number: length + 2 + place for place, number in enumerate(facts)}
    object_node = {name: length + 2 + len(facts) + place for place, name in enumerate(objects)}
    triples = _Triples()
    for step, action in enumerate(story.plan, start=1):
        triples.add(step - 1, "next", step)
        for relation, numbers in zip(STEP_RELATIONS, step_facts(action), strict=True):
            for number in numbers:
                triples.add(step, relation, fact_node[number])
        triples.arguments(step, (object_node[arg] for arg in action.args))
    triples.add(length, "next", length + 1)
    for number, node in fact_node.items():
        for head, relation, mask in ((0, "initial", story.init), (length + 1, "goal", story.goal)):
            if mask >> number & 1:
                triples.add(head, relation, node)
        if story.goal_not >> number & 1:
            triples.add(length + 1, "goal_not", node)
        triples.arguments(node, (object_node[arg] for arg in task.facts[number].args))
    node_type = [INITIAL, *[STEP] * length, GOAL, *[FACT] * len(facts), *[OBJECT] * len(object_node)]
    role = np.zeros(len(node_type), dtype=np.int64)
    for number, node in fact_node.items():
        aim = 2 if story.goal >> number & 1 else 4 if story.goal_not >> number & 1 else 0
        role[node] = aim + (story.init >> number & 1)
    order = np.full(len(node_type), -1, dtype=np.int64)
    order[: length + 2] = np.arange(length + 2)
    nodes, rows = _evidence(execution, triples, fact_node)
    head, relation, tail = np.array(triples.rows, dtype=np.int64).T
    return Sample(
        node_type=np.array(node_type, dtype=np.int64),
        role=role,
        order=order,
        value=np.zeros((len(node_type), 0), dtype=np.float32),
        head=head,
        relation=relation,
        tail=tail,
        label=int(execution.valid),
        group=group,
        names=[
            "initial state",
            *map(str, story.plan),
            "goal",
            *(str(task.facts[n]) for n in facts),
            *object_node,
        ],
        evidence_nodes=nodes,
        evidence_triples=rows,
        info=info,
        source=source_text(story),
    )


def _facts(story: Story) -> list[int]:
    """The facts that a plan or its goal mentions, by name."""
    mentioned = {*fact_ids(story.goal), *fact_ids(story.goal_not)}
    for action in story.plan:
        mentioned.update((*action.needs, *action.needs_not, *action.adds, *action.deletes))
    return sorted(mentioned, key=story.task.facts.__getitem__)


def _evidence(
    execution: Execution, triples: _Triples, fact_node: dict[int, int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The failing step (or the goal), its unmet facts, and what last changed each; nothing for a valid plan."""
    if execution.failed_step is None:
        return (), ()
    failing = execution.failed_step + 1
    nodes, rows = [failing], []
    broken = (*execution.unmet, *execution.violated)
    for number, changed in zip(broken, execution.last_changes, strict=True):
        fact = fact_node[number]
        nodes += [fact, changed]
        rows += triples.find(failing, ("needs", "consumes", "needs_not", "goal", "goal_not"), fact)
        rows += triples.find(changed, ("consumes", "adds", "deletes", "initial"), fact)
    return tuple(dict.fromkeys(nodes)), tuple(dict.fromkeys(rows))


def source_text(story: Story) -> str:
    """The story as JSON, for display and for confirmation by code that shares nothing with the executor."""

    def rows(mask: int) -> list[list[str]]:
        return [_row(atom) for atom in sorted(story.task.atoms(mask))]

    problem = story.task.problem
    return json.dumps(
        {
            "domain": story.task.domain.name,
            "problem": problem.name,
            "objects": problem.objects,
            "init": rows(story.init),
            "goal": rows(story.goal),
            "goal_not": rows(story.goal_not),
            "plan": [[action.name, *action.args] for action in story.plan],
            "swap": {"kind": story.kind, "objects": list(story.swapped), "from_step": story.start + 1},
        },
        separators=(",", ":"),
    )


def _row(atom: Atom) -> list[str]:
    return [atom.predicate, *atom.args]
