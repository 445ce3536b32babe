"""Random scenarios: sizes, mechanisms that can go both ways, hidden confounders, names."""

from __future__ import annotations

import numpy as np

from nsm.data.causal.models import AND_NOT, OR, THRESHOLD
from nsm.data.causal.scenarios import NAMES, Scenario, draw_scenario


def drawn(count: int, size: int, hidden_share: float) -> list[Scenario]:
    rng = np.random.default_rng(0)
    found = (draw_scenario(rng, size, hidden_share) for _ in range(count))
    return [scenario for scenario in found if scenario is not None]


def test_models_are_acyclic_and_of_the_size_that_is_asked_for() -> None:
    for scenario in drawn(50, 7, 0.0):
        model = scenario.model
        assert model.size == 7
        assert scenario.drawn == scenario.observable == list(range(7))
        assert all(parent < v for v, parents in enumerate(model.parents) for parent in parents)
        assert all(len(set(parents)) == len(parents) for parents in model.parents)
        assert ((model.strength > 0) == (model.parent >= 0)).all()
        assert ((model.probability > 0) & (model.probability < 1)).all()


def test_all_kinds_occur_and_no_threshold_is_out_of_reach() -> None:
    kinds = set()
    for scenario in drawn(100, 8, 0.0):
        model = scenario.model
        kinds |= set(model.kind.tolist())
        for v in np.flatnonzero(model.kind == THRESHOLD):
            used = model.probability[v, : 2 ** len(model.parents[v])]
            assert used.min() < 0.5 < used.max()
    assert kinds == {OR, AND_NOT, THRESHOLD}


def test_a_hidden_confounder_has_two_effects_and_is_drawn_half_of_the_time() -> None:
    scenarios = drawn(400, 6, 1.0)
    assert len(scenarios) > 100
    for scenario in scenarios:
        assert scenario.hidden is not None
        assert not scenario.model.parents[scenario.hidden]
        assert len(scenario.model.children[scenario.hidden]) > 1
        assert scenario.hidden not in scenario.observable
        assert (scenario.hidden in scenario.drawn) == scenario.is_drawn
        assert scenario.confounder == ("drawn" if scenario.is_drawn else "undrawn")
    share = np.mean([scenario.is_drawn for scenario in scenarios])
    assert 0.35 < share < 0.65


def test_names_are_distinct_and_of_the_seed_s_world() -> None:
    rng = np.random.default_rng(0)
    for size in (5, 16):
        for scenario in drawn(60, size, 0.5):
            names = scenario.names(scenario.observable[-1], rng)
            assert len(set(names)) == scenario.model.size
            assert names[scenario.observable[-1]] in NAMES["outcome"]
            if scenario.hidden is not None:
                assert names[scenario.hidden] == "unmeasured cause"
