"""The open causal paths between what is observed or set and what is asked about."""

from __future__ import annotations

from collections.abc import Sequence, Set

__all__ = ["directed_edges", "open_edges"]

Edge = tuple[int, int]
State = tuple[int, bool]


def directed_edges(parents: Sequence[Sequence[int]], causes: Set[int], effect: int, closed: Set[int]) -> set[Edge]:
    """The (cause, effect) edges on directed paths from some variables to one, none through a closed variable.

    Example:
        >>> sorted(directed_edges([[], [0], [1], [0, 2]], {0}, 3, closed={1}))
        [(0, 3)]
    """
    towards, waiting = {effect}, [effect]
    found: set[Edge] = set()
    while waiting:
        v = waiting.pop()
        for parent in parents[v]:
            if parent not in closed or parent in causes:
                found.add((parent, v))
            if parent not in towards and parent not in closed and parent not in causes:
                towards.add(parent)
                waiting.append(parent)
    reached = set(causes)
    for v in range(len(parents)):  # in topological order
        if any((parent, v) in found and parent in reached for parent in parents[v]):
            reached.add(v)
    return {(u, v) for u, v in found if u in reached}


def open_edges(parents: Sequence[Sequence[int]], observed: Set[int], query: int, cut: Set[int]) -> set[Edge]:
    """The (cause, effect) edges on open trails between the observed variables and the query.

    A trail is open where each collider on it is observed, or walks to an observed variable and back, and nothing else
    on it is. The edges into the variables of ``cut`` do not exist, since an intervention removed them.

    References:
        Shachter, Bayes-Ball: The rational pastime, UAI 1998.

    Example:
        >>> sorted(open_edges([[], [], [0, 1], [1]], {0, 2}, 3, cut=set()))
        [(0, 2), (1, 2), (1, 3)]
    """
    kept = [[] if v in cut else list(row) for v, row in enumerate(parents)]
    children: list[list[int]] = [[] for _ in kept]
    for child, row in enumerate(kept):
        for parent in row:
            children[parent].append(child)

    def moves(v: int, is_upward: bool, is_start: bool) -> list[State]:
        """Where a ball goes on that came to ``v`` from a child (upward) or from a parent."""
        up = [(parent, True) for parent in kept[v]]
        down = [(child, False) for child in children[v]]
        if is_start or (is_upward and v not in observed):
            return up + down
        return up if v in observed and not is_upward else [] if v in observed else down

    steps: set[tuple[State, State]] = set()
    forward: set[State] = set()
    waiting: list[State] = []
    for source in sorted(observed):
        for state in moves(source, is_upward=True, is_start=True):
            steps.add(((source, True), state))
            waiting.append(state)
    before: dict[State, list[tuple[State, bool]]] = {}
    while waiting:
        state = waiting.pop()
        if state in forward:
            continue
        forward.add(state)
        if state[0] != query:
            for following in moves(*state, is_start=False):
                before.setdefault(following, []).append((state, False))
                waiting.append(following)
    for (source, _), state in steps:
        before.setdefault(state, []).append(((source, True), True))
    return _walk_back(before, [(query, is_upward) for is_upward in (False, True) if (query, is_upward) in forward])


def _walk_back(before: dict[State, list[tuple[State, bool]]], ends: list[State]) -> set[Edge]:
    """The edges of all steps that lead to one of the ends; a step marked True leaves a source."""
    edges: set[Edge] = set()
    seen, waiting = set(ends), list(ends)
    while waiting:
        state = waiting.pop()
        for former, is_start in before.get(state, []):
            (u, v), is_upward = (former[0], state[0]), state[1]
            edges.add((v, u) if is_upward else (u, v))
            if not is_start and former not in seen:
                seen.add(former)
                waiting.append(former)
    return edges
