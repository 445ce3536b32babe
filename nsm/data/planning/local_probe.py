"""The local probes: can the label be guessed without following the plan?

One looks at neighbouring steps: random edits of a plan leave traces that bigrams of consecutive steps give away (0.90
to 0.97). The other counts how often each fact is made true and ended, in whatever order. The audit fails a data set
where either exceeds 0.60, over all families or surely in one of them, because a model could then score well without
tracking any state. Two more look deeper: at what happens to each object from one step of its own to the next, and at
what happens to each fact first and last. That is the beginning of following the plan: they are reported, as lines for
models to beat, and fail nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nsm.data.planning.balance import balance_features
from nsm.data.planning.events import event_features
from nsm.data.probes import ProbeScore, boost, out_of_fold, score_probe

if TYPE_CHECKING:
    from nsm.data.packed import PackedGraphs

__all__ = ["deeper_patterns", "local_patterns", "local_predictions", "local_probes"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Texts = npt.NDArray[np.str_]
Patterns = Counter[str]
Look = Callable[[Mapping[str, Any]], Patterns]
Features = Callable[[Ints, Ints], Floats]  # of (training positions, positions): features at the latter

STEPS, BALANCE = JUDGED = "neighbouring steps", "balance of facts"
OBJECTS, EVENTS = "steps of one object", "first and last events of facts"

MAX_PATTERNS = 400
MIN_GRAPHS = 5  # a pattern that fewer training graphs hold is noise


def local_probes(graphs: PackedGraphs, *, seed: int = 0) -> tuple[ProbeScore, ...]:
    """Scores the probes on all graphs and, where there are several, on each family; cross-validated by group.

    Args:
        graphs: Planning graphs; plans are read from their sources, since operators' names are not in the graph.
        seed: Seed of the folds and of the boosting.
    """
    labels, groups = np.asarray(graphs.labels, dtype=np.int64), np.asarray(graphs.groups)
    problems = [json.loads(source) for source in graphs.sources()]
    families = np.array([str(problem["domain"]) for problem in problems])
    names = np.unique(families).tolist()
    predictions = {
        STEPS: (local_predictions(problems, labels, groups, seed=seed), MAX_PATTERNS),
        OBJECTS: (local_predictions(problems, labels, groups, look=deeper_patterns, seed=seed), MAX_PATTERNS),
    }
    for name, table in ((BALANCE, balance_features(graphs)), (EVENTS, event_features(graphs))):
        predicted = _by_family(families, groups, partial(_rows, table.values), labels, seed)
        predictions[name] = predicted, len(table.names)
    scores = []
    for name, (predicted, features) in predictions.items():
        for family in ("", *(names if len(names) > 1 else ())):
            rows = np.flatnonzero(families == family) if family else np.arange(len(labels))
            found = predicted[rows], labels[rows], groups[rows]
            count = len(predictions) * len(names)
            score = score_probe(name, *found, probes=count, features=features, feature=family)
            scores.append(replace(score, judged=name in JUDGED))
    return tuple(scores)


def local_predictions(
    problems: Sequence[Mapping[str, Any]], labels: Ints, groups: Ints, *, look: Look | None = None, seed: int = 0
) -> Ints:
    """Out-of-fold predictions from counts of patterns, one model per planning domain.

    Args:
        problems: Mappings with ``domain``, ``plan`` (lists of operator and arguments), ``init`` and ``goal``
            (lists of predicate and arguments).
        labels: The label of each problem.
        groups: The group of each problem; never split between folds.
        look: Finds the patterns of a problem; `local_patterns` if left out.
        seed: Seed of the folds and of the boosting.

    Shapes:
        - **labels**, **groups**, result: ``(G,)``.
    """
    patterns = [(look or local_patterns)(problem) for problem in problems]
    domains = np.array([str(problem["domain"]) for problem in problems])

    def features(train: Ints, rows: Ints) -> Floats:
        return _counts([patterns[i] for i in rows], _vocabulary([patterns[i] for i in train]))

    return _by_family(domains, groups, features, labels, seed)


def _rows(values: Floats, _train: Ints, rows: Ints) -> Floats:
    return values[rows]


def _by_family(families: Texts, groups: Ints, features: Features, labels: Ints, seed: int) -> Ints:
    """Out-of-fold predictions, one model per family; one that no training fold has is judged by all the others."""

    def predict(train: Ints, test: Ints) -> Ints:
        result = np.zeros(len(test), dtype=np.int64)
        for family in np.unique(families[test]).tolist():
            known, asked = train[families[train] == family], families[test] == family
            known = known if len(known) else train
            values = features(known, np.concatenate((known, test[asked])))
            result[asked] = boost(values[: len(known)], labels[known], values[len(known) :], seed=seed)
        return result

    return out_of_fold(predict, groups, seed=seed)


def local_patterns(problem: Mapping[str, Any]) -> Patterns:
    """Counts of what a reader sees who never looks at more than two consecutive steps.

    These are: each step alone, each pair of consecutive steps with the positions at which their arguments are
    equal, the initial facts about the first step's arguments only, and the goals about the last step's
    arguments only.

    Example:
        >>> plan = [["pick", "ball", "room"], ["drop", "ball", "hall"]]
        >>> counts = local_patterns({"plan": plan, "init": [["at", "ball", "room"]], "goal": []})
        >>> sorted(counts)
        ['drop', 'initially at 0,1 > pick', 'pick', 'pick > drop 0=0']
    """
    plan = problem["plan"]
    patterns = Counter(_alone(step) for step in plan)
    patterns.update(_pair(one, two) for one, two in pairwise(plan))
    if plan:
        patterns.update(f"initially {fact} > {plan[0][0]}" for fact in _about(problem["init"], plan[0]))
        patterns.update(f"{plan[-1][0]} > goal {fact}" for fact in _about(problem["goal"], plan[-1]))
    return patterns


def deeper_patterns(problem: Mapping[str, Any]) -> Patterns:
    """Counts of pairs of steps two places apart, and of consecutive steps of one object, wherever they are.

    Example:
        >>> plan = [["pick", "ball", "room"], ["walk", "room", "hall"], ["drop", "ball", "hall"]]
        >>> counts = deeper_patterns({"plan": plan})
        >>> sorted(name for name in counts if name.endswith("drop 0"))
        ['object pick 0 > drop 0']
    """
    plan = problem["plan"]
    patterns = Counter(f"apart {_pair(one, two)}" for one, two in zip(plan, plan[2:], strict=False))
    before: dict[str, str] = {}
    for operator, *args in plan:
        places = {arg: f"{operator} {place}" for place, arg in enumerate(args)}
        patterns.update(f"object {before.get(arg, 'never')} > {place}" for arg, place in places.items())
        before |= places
    return patterns


def _alone(step: Sequence[str]) -> str:
    return " ".join([step[0], *(f"{i}={j}" for i, j in _equal(step, step) if i < j)])


def _pair(one: Sequence[str], two: Sequence[str]) -> str:
    return " ".join([one[0], ">", two[0], *(f"{i}={j}" for i, j in _equal(one, two))])


def _equal(one: Sequence[str], two: Sequence[str]) -> list[tuple[int, int]]:
    """Positions of equal arguments of two steps."""
    return [(i, j) for i, first in enumerate(one[1:]) for j, second in enumerate(two[1:]) if first == second]


def _about(facts: Sequence[Sequence[str]], step: Sequence[str]) -> Iterator[str]:
    """Facts whose arguments are all arguments of the step, written with their positions in the step."""
    position = {name: str(index) for index, name in reversed(list(enumerate(step[1:])))}
    for predicate, *arguments in facts:
        if all(name in position for name in arguments):
            yield f"{predicate} {','.join(position[name] for name in arguments)}"


def _vocabulary(patterns: Sequence[Patterns]) -> dict[str, int]:
    """Columns for the patterns that most training graphs hold; equal counts are ordered by name."""
    held_by = Counter(name for counts in patterns for name in counts)
    ranked = sorted(held_by, key=lambda name: (-held_by[name], name))
    return {name: i for i, name in enumerate(ranked[:MAX_PATTERNS]) if held_by[name] >= MIN_GRAPHS}


def _counts(patterns: Sequence[Patterns], vocabulary: Mapping[str, int]) -> Floats:
    values = np.zeros((len(patterns), len(vocabulary)), dtype=np.float32)
    for row, counts in enumerate(patterns):
        for name, count in counts.items():
            if name in vocabulary:
                values[row, vocabulary[name]] = count
    return values
