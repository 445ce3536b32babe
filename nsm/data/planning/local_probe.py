"""The local probe: can the label be guessed from neighbouring steps alone, without following the plan?

Random edits of a plan leave traces that bigrams of consecutive steps give away (0.90 to 0.97). The audit
fails a data set whose local probe exceeds 0.60, because a model could then score well without tracking any
state.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nsm.data.probes import boost, out_of_fold

if TYPE_CHECKING:
    from nsm.data.packed import PackedGraphs

__all__ = ["local_patterns", "local_predictions", "local_probe"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Patterns = Counter[str]

MAX_PATTERNS = 400
MIN_GRAPHS = 5  # a pattern that fewer training graphs hold is noise


def local_probe(graphs: PackedGraphs, *, seed: int = 0) -> float:
    """Accuracy of gradient boosting on local patterns, cross-validated by group.

    Args:
        graphs: Planning graphs; plans are read from their sources, since operators' names are not in the
            graph.
        seed: Seed of the folds and of the boosting.
    """
    problems = [json.loads(source) for source in graphs.sources()]
    labels = np.asarray(graphs.labels, dtype=np.int64)
    predicted = local_predictions(problems, labels, np.asarray(graphs.groups), seed=seed)
    return float((predicted == labels).mean())


def local_predictions(problems: Sequence[Mapping[str, Any]], labels: Ints, groups: Ints, *, seed: int = 0) -> Ints:
    """Out-of-fold predictions from local patterns, one model per planning domain.

    Args:
        problems: Mappings with ``domain``, ``plan`` (lists of operator and arguments), ``init`` and ``goal``
            (lists of
            predicate and arguments).
        labels: The label of each problem.
        groups: The group of each problem; never split between folds.
        seed: Seed of the folds and of the boosting.

    Shapes:
        - **labels**, **groups**, result: ``(G,)``.
    """
    patterns = [local_patterns(problem) for problem in problems]
    domains = np.array([str(problem["domain"]) for problem in problems])

    def predict(train: Ints, test: Ints) -> Ints:
        result = np.zeros(len(test), dtype=np.int64)
        for domain in np.unique(domains[test]).tolist():
            known, asked = train[domains[train] == domain], domains[test] == domain
            known = known if len(known) else train
            vocabulary = _vocabulary([patterns[i] for i in known])
            values = _counts([patterns[i] for i in known], vocabulary)
            asked_values = _counts([patterns[i] for i in test[asked]], vocabulary)
            result[asked] = boost(values, labels[known], asked_values, seed=seed)
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
