from __future__ import annotations

import numpy as np

from nsm.analysis.evaluation import Predictions, evaluate_predictions
from nsm.analysis.result_tables import class_table, headline_table

LOGITS = np.array([[2.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 3.0]])


def evaluation() -> dict[str, object]:
    said = Predictions(logits=LOGITS, labels=np.array([0, 1, 1, 1]), groups=np.array(["a", "b", "c", "d"]))
    return evaluate_predictions(said, {}, split="val", label_names=("no", "yes"))


def test_the_headline_has_what_was_measured_and_nothing_else() -> None:
    table = headline_table(evaluation() | {"mrr": 0.25})
    rows = dict(table.rows)
    assert table.title == "4 graphs of the val split"
    assert rows["accuracy"].startswith("75.0% (") and rows["accuracy"].endswith("%)")
    assert rows["accuracy of always answering the majority class"] == "75.0%"
    assert rows["mean reciprocal rank, filtered"] == "0.250"
    assert "accuracy that is possible at best" not in rows


def test_each_class_has_its_row() -> None:
    no, yes = class_table(evaluation()).to_json()
    assert (no["class"], no["precision"], no["recall"], no["graphs"]) == ("no", 0.5, 1.0, 1)
    assert (yes["class"], yes["precision"], yes["graphs"]) == ("yes", 1.0, 3)
