"""The evaluation: keys that tools rely on, and numbers that fit each other."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nsm.analysis.evaluation import Predictions, evaluate_predictions
from nsm.analysis.probing import Decoded

NAMES = ("invalid", "valid")
KEYS = {
    "split", "samples", "accuracy", "majority", "ceiling", "auc", "ece", "per_class", "reconstruction_exact",
    "reconstruction_abstract", "decoded", "by_distance", "by_length", "protocol",
}  # fmt: skip


@pytest.fixture
def predictions() -> Predictions:
    random = np.random.default_rng(0)
    labels = np.tile([0, 1], 100)
    logits = random.normal(size=(200, 2)) + 2 * np.eye(2)[labels]
    errors = random.uniform(0.2, 0.4, 200)
    return Predictions(logits, labels, np.arange(200) // 2, errors * 1e-7, errors)


@pytest.fixture
def columns() -> dict[str, np.ndarray]:
    """As the table gives them: objects, None where there is nothing."""
    twin = np.arange(200) // 2
    return {
        "family": np.array(["grid", "ferry"], dtype=object)[twin % 2],
        "length": np.array([8 + int(t) % 17 for t in twin], dtype=object),
        "distance": np.array([int(t) % 9 if t % 3 else None for t in twin], dtype=object),
    }


def evaluate(predictions: Predictions, columns: dict[str, np.ndarray], **options: Any) -> dict[str, Any]:
    return evaluate_predictions(predictions, columns, split="test", label_names=NAMES, **options)


def test_keys_and_json(predictions: Predictions, columns: dict[str, np.ndarray]) -> None:
    decoded = Decoded({"node_type": 0.9, "role": 0.8, "order": None}, {"node_type": 0.5, "role": 0.6, "order": None})
    found = evaluate(predictions, columns, temperature=1.5, decoded=decoded)
    assert set(json.loads(json.dumps(found, allow_nan=False))) >= KEYS
    assert found["decoded"] == {"node_type": 0.9, "role": 0.8, "order": None}


def test_numbers_fit_each_other(predictions: Predictions, columns: dict[str, np.ndarray]) -> None:
    found = evaluate(predictions, columns)
    right = predictions.logits.argmax(axis=1) == predictions.labels
    assert found["accuracy"] == right.mean()
    assert found["accuracy_low"] < found["accuracy"] < found["accuracy_high"]
    assert (found["samples"], found["majority"]) == (200, 0.5)
    assert np.trace(found["confusion"]) == right.sum()
    assert sum(part["samples"] for part in found["by_family"].values()) == 200
    assert sum(part["samples"] for part in found["by_length"].values()) == 200
    assert next(iter(found["by_length"])) == "8-11"
    assert all(part["majority"] == 0.5 for part in found["by_distance"].values())
    assert sum(row["samples"] for row in found["reliability"]) == 200
    assert found["reconstruction_abstract"] == pytest.approx(
        predictions.reconstruction_abstract.mean()  # type: ignore[union-attr]
    )
    assert found["ceiling"] is None
    assert found["ece_calibrated"] is None


def test_the_temperature_changes_confidence_but_no_prediction(
    predictions: Predictions, columns: dict[str, np.ndarray]
) -> None:
    plain, scaled = evaluate(predictions, columns), evaluate(predictions, columns, temperature=5.0)
    assert plain["accuracy"] == scaled["accuracy"]
    assert scaled["ece"] == plain["ece"]
    assert scaled["ece_calibrated"] != pytest.approx(plain["ece"])
    assert 0 < plain["ece_by_chance"] < plain["ece_by_chance_high"]
    assert scaled["ece_by_chance"] > plain["ece_by_chance"], "less confident, so chance decides more"


def test_ceiling_and_rung_where_the_table_has_them(predictions: Predictions) -> None:
    rung = np.array(["seeing", "doing"], dtype=object)[np.arange(200) % 2]
    found = evaluate(predictions, {"rung": rung, "ceiling": np.full(200, 0.85, dtype=object)})
    assert found["ceiling"] == pytest.approx(0.85)
    assert found["by_rung"]["doing"]["ceiling"] == pytest.approx(0.85)
    assert "by_distance" not in found
    holes = np.array([0.85] * 199 + [None], dtype=object)
    assert evaluate(predictions, {"ceiling": holes})["ceiling"] is None


def test_rungs_are_told_once_and_hidden_confounders_apart(predictions: Predictions) -> None:
    rung = np.array(["seeing", "doing"], dtype=object)[np.arange(200) // 4 % 2]
    confounder = np.array(["none", "undrawn"], dtype=object)[np.arange(200) // 2 % 2]
    table = {"family": rung, "rung": rung, "confounder": confounder, "ceiling": np.full(200, 0.9, dtype=object)}
    found = evaluate(predictions, table)
    assert "by_family" not in found
    assert set(found["by_confounder"]) == {"none", "undrawn"}
    for part in (*found["by_rung"].values(), *found["by_confounder"].values()):
        way = (part["accuracy"] - part["majority"]) / (part["ceiling"] - part["majority"])
        assert part["attained"] == pytest.approx(way)


def test_a_model_without_reconstruction(predictions: Predictions) -> None:
    found = evaluate(Predictions(predictions.logits, predictions.labels, predictions.groups), {})
    assert found["reconstruction_exact"] is None
    assert found["decoded"] is None


def test_no_samples_are_an_error() -> None:
    empty = Predictions(np.zeros((0, 2)), np.zeros(0, dtype=np.int64), np.zeros(0))
    with pytest.raises(ValueError, match="test split has no samples"):
        evaluate(empty, {})


def test_levels_are_means_over_the_graphs(predictions: Predictions, columns: dict[str, np.ndarray]) -> None:
    assert evaluate(predictions, columns)["reconstruction_by_level"] == []
    exact, abstract = np.full((2, 200), 1e-7), np.stack([np.linspace(0, 1, 200), np.full(200, 0.25)])
    found = evaluate(replace(predictions, levels_exact=tuple(exact), levels_abstract=tuple(abstract)), columns)
    levels = found["reconstruction_by_level"]
    assert [level["level"] for level in levels] == [0, 1]
    assert [level["abstract"] for level in levels] == pytest.approx([0.5, 0.25])
    assert levels[1]["exact"] == pytest.approx(1e-7)
