from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from rich.console import Console

from nsm.cloud.prices import Prices
from nsm.cloud.summary import Row, has_failed, show, summarise

PRICES = Prices(date(2026, 7, 1), "https://there, as read", {"L4": 0.0002}, 0.0, 0.0)


def told(**figures: Any) -> dict[str, Any]:
    """What a container returns of a training with two classes."""
    attempts = [{"gpu": "L4", "seconds": 1800.0}, {"gpu": "L4", "seconds": 5400.0}]
    return {
        "domain": "causal",
        "run": "night",
        "state": "finished",
        "attempts": attempts,
        "figures": {
            "accuracy": 0.9,
            "accuracy_low": 0.85,
            "accuracy_high": 0.95,
            "majority": 0.5,
            "ceiling": 0.93,
            "per_class": {"no": {"recall": 0.8}, "yes": {"recall": 1.0}},
            "confusion": [[8, 2], [0, 10]],
            "epochs": 12,
            "best_epoch": 7,
            **figures,
        },
    }


def text(rows: list[Row]) -> str:
    console = Console(width=240, record=True, file=open("/dev/null", "w"))  # noqa: SIM115 - closed with the console
    console.print(show(rows, "run night", PRICES))
    console.file.close()
    return console.export_text()


def test_hours_and_costs_count_every_attempt() -> None:
    row = summarise(told(), PRICES)
    assert (row.attempts, row.hours, row.gpu) == (2, 2.0, "L4")
    assert row.dollars == pytest.approx(7200 * 0.0002)
    unknown = summarise(told() | {"attempts": [{"gpu": "TURBO", "seconds": 60.0}]}, PRICES)
    assert unknown.dollars is None and unknown.hours == pytest.approx(1 / 60)


def test_a_class_that_is_never_said_is_a_collapse() -> None:
    assert summarise(told(), PRICES).collapsed == []
    assert summarise(told(confusion=[[10, 0], [10, 0]]), PRICES).collapsed == ["yes"]
    assert summarise(told(confusion=[[10, 0], [0, 0]]), PRICES).collapsed == []  # no sample of it to be said
    assert summarise({**told(), "figures": {}}, PRICES).collapsed is None


def test_the_table_says_it_all() -> None:
    shown = text([summarise(told(), PRICES), Row("kg", "night", "failed", why="kg.tsv: expected 3 columns")])
    for part in ("90.0% (85.0% to 95.0%)", "50.0%", "93.0%", "no 80.0%", "none", "12 (best 7)", "2:00:00", "2.000 L4"):
        assert part in shown
    assert "$1.44" in shown and "failed: kg.tsv: expected 3 columns" in shown and "prices of 2026-07-01" in shown
    assert "never says yes" in text([summarise(told(confusion=[[10, 0], [10, 0]]), PRICES)])
    assert "not known" in text([summarise(told(ceiling=None), PRICES)])


def test_failures_are_seen() -> None:
    rows = [summarise(told(), PRICES), Row("kg", "night", "running")]
    assert not has_failed(rows)
    assert has_failed([*rows, Row("planning", "night", "failed")])
    assert rows[0].to_json()["per_class"] == {"no": 0.8, "yes": 1.0}
