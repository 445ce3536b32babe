"""The figures of an evaluation as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nsm.analysis.tables import Table

__all__ = ["class_table", "headline_table"]

ROWS = {
    "accuracy": ("accuracy", ".1%"),
    "majority": ("accuracy of always answering the majority class", ".1%"),
    "ceiling": ("accuracy that is possible at best", ".1%"),
    "auc": ("area under the ROC curve", ".3f"),
    "average_precision": ("average precision", ".3f"),
    "mrr": ("mean reciprocal rank, filtered", ".3f"),
    "hits_at_10": ("hits at 10, filtered", ".1%"),
    "ece": ("expected calibration error", ".3f"),
    "ece_calibrated": ("the same with the temperature of the validation split", ".3f"),
    "ece_by_chance": ("the same of a perfectly calibrated model on as many graphs", ".3f"),
    "reconstruction_exact": ("reconstruction error with details (rounding)", ".1e"),
    "reconstruction_abstract": ("reconstruction error without details", ".3f"),
    "reconstruction_structure": ("the same where all nodes of the abstract level are alike", ".3f"),
    "top_share": ("share of the nodes that are at the top", ".1%"),
    "decoded": ("node types, roles and orders read from that reconstruction", ".1%"),
    "decoded_majority": ("the same by always answering the most frequent", ".1%"),
}


def headline_table(evaluation: Mapping[str, Any]) -> Table:
    """What matters most, as far as it was measured; the accuracy with its 95 % interval.

    Args:
        evaluation: What `nsm.analysis.evaluation.evaluate_predictions` returned.
    """
    rows = []
    for key, (name, spec) in ROWS.items():
        if isinstance(value := evaluation.get(key), int | float):
            text = format(value, spec)
            if key == "accuracy" and evaluation.get("accuracy_low") is not None:
                text += f" ({evaluation['accuracy_low']:.1%} to {evaluation['accuracy_high']:.1%})"
            if key == "ece_by_chance" and evaluation.get("ece_by_chance_high") is not None:
                text += f" (95 of 100 stay below {evaluation['ece_by_chance_high']:.3f})"
            rows.append((name, text))
    return Table(("figure", "value"), rows, f"{evaluation['samples']:,} graphs of the {evaluation['split']} split")


def class_table(evaluation: Mapping[str, Any]) -> Table:
    """Precision, recall and F1 of each class."""
    names = ("precision", "recall", "f1")
    rows = [
        (name, *(figures[key] for key in names), figures["support"])
        for name, figures in evaluation["per_class"].items()
    ]
    return Table(("class", *names, "graphs"), rows, "By class", dict.fromkeys(names, ".3f"))
