"""Reorderings: the same steps, the same bigrams, another order."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, pairwise

import numpy as np
import pytest

from nsm.data.planning import reordering
from nsm.data.planning.generators import GENERATORS
from nsm.data.planning.reordering import bigram, reorderings
from tests.data.planning.test_view import story


def bigrams(plan: tuple[object, ...]) -> Counter[tuple[object, ...]]:
    return Counter(bigram(first, second) for first, second in pairwise(plan))  # type: ignore[arg-type]


def test_bigrams_forget_names_and_keep_which_are_equal() -> None:
    task = story("ferry", 0).task
    first, second, *_ = (name for name, kind in task.problem.objects.items() if kind == "port")
    boat, other = (name for name, kind in task.problem.objects.items() if kind == "ferry")
    there, back = task.action("sail", (boat, first, second)), task.action("sail", (boat, second, first))
    assert bigram(there, back) == bigram(back, there) == ("sail", "sail", 0, 1, 2, 0, 2, 1)
    assert bigram(there, task.action("sail", (other, second, first))) != bigram(there, back)


@pytest.mark.parametrize("family", list(GENERATORS))
def test_exactly_the_exchanges_of_runs_that_keep_the_bigrams(family: str) -> None:
    """Compared with trying all exchanges and counting all bigrams anew."""
    found = 0
    for seed in range(6):
        plan = story(family, seed, length=11).plan
        expected = set()
        for i, j, k in combinations(range(len(plan) + 1), 3):
            moved = (*plan[:i], *plan[j:k], *plan[i:j], *plan[k:])
            if moved != plan and bigrams(moved) == bigrams(plan):
                expected.add(moved)
        got = list(reorderings(plan, np.random.default_rng(0)))
        assert {moved for _, moved in got} == expected
        for start, moved in got:
            assert moved[:start] == plan[:start] and Counter(moved) == Counter(plan)
        found += len(expected)
    assert found


def test_long_plans_are_cut_at_random_places(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = story("logistics", 1, length=24).plan
    whole = {moved for _, moved in reorderings(plan, np.random.default_rng(0))}
    monkeypatch.setattr(reordering, "MAX_CUTS", 1500)
    some = [{moved for _, moved in reorderings(plan, np.random.default_rng(seed))} for seed in (0, 0, 1)]
    assert some[0] == some[1] != some[2]
    assert all(part and part < whole for part in some)


def test_too_short_a_plan_has_no_other_order() -> None:
    plan = story("grid", 0, length=8).plan
    for length in (0, 1):
        assert not list(reorderings(plan[:length], np.random.default_rng(0)))
