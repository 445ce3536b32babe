"""Drawing keeps to its share of the time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from nsm.dashboard import pace
from nsm.dashboard.pace import Pace, usable_cores


@pytest.mark.parametrize("ahead", [0.0, 1.0])
@pytest.mark.parametrize("cost", [0.01, 0.4, 3.0])
def test_the_share_is_kept_over_a_minute(cost: float, ahead: float) -> None:
    now = [100.0]
    paced, drawings = Pace(1.0, 0.02, ahead, lambda: now[0]), []
    while now[0] < 160:
        if paced.is_due:
            now[0] += cost
            paced.count(cost)
            drawings.append(now[0])
        now[0] += 0.25
    assert drawings[0] == 100 + cost  # the first comes at once
    assert sum(cost for _ in drawings[1:]) <= 0.02 * 60 + ahead
    assert all(later - earlier >= 1.0 for earlier, later in pairwise(drawings))


def test_what_the_next_one_costs_is_foreseen() -> None:
    """After one that cost a second, the next waits until a second more is allowed, not only until one has been."""
    now = [0.0]
    paced = Pace(0.0, 0.1, clock=lambda: now[0])
    paced.count(1.0)
    now[0] = 19.0  # 1.9 s are allowed: one has been spent
    assert not paced.is_due
    now[0] = 20.0
    assert paced.is_due


def test_the_quota_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "QUOTA", tmp_path / "cpu.max")
    free = usable_cores()
    assert free >= 1
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert usable_cores() == free
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    assert usable_cores() == 0.5
