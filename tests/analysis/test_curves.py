"""Curves show every figure of a history, and stay light when it is long."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from nsm.analysis.curves import POINTS, training_curves

HISTORY: list[dict[str, Any]] = [
    {"epoch": 1, "metrics": {"train_loss": 1.0, "train_task_loss": 0.9, "train_acc": 0.5, "lr": 1.0}},
    {"epoch": 2, "metrics": {"train_loss": 0.6, "train_task_loss": 0.5, "train_acc": 0.7}},
    {"epoch": 3, "metrics": {"train_loss": 0.4, "train_task_loss": 0.3, "train_acc": 0.9}},
]
HISTORY[1]["metrics"] |= {"val_loss": 0.7, "val_acc": 0.8}
HISTORY[2]["metrics"] |= {"val_loss": 0.8, "val_acc": 0.75}


def texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(lambda item: hasattr(item, "get_text")))


def lines(figure: Figure, axes: int) -> dict[str, list[list[float]]]:
    return {line.get_label(): [list(map(float, values)) for values in line.get_data()]
            for line in figure.axes[axes].lines}  # fmt: skip


def test_training_curves_draw_every_term_and_the_majority() -> None:
    figure = training_curves(HISTORY, majority=0.55)
    losses, accuracies = lines(figure, 0), lines(figure, 1)
    assert set(losses) == {"train loss", "train task loss", "validation loss"}
    assert losses["validation loss"] == [[2, 3], [0.7, 0.8]]
    assert accuracies["train accuracy"] == [[1, 2, 3], [0.5, 0.7, 0.9]]
    assert accuracies["majority class"][1] == [0.55, 0.55]
    assert accuracies["best: 80.0% at epoch 2"] == [[2], [0.8]]


def test_of_equal_accuracies_the_lower_loss_is_the_best() -> None:
    history: list[dict[str, Any]] = [
        {"epoch": epoch, "metrics": {"val_acc": 0.8, "val_loss": loss}} for epoch, loss in enumerate((0.5, 0.2, 0.4), 1)
    ]
    assert lines(training_curves(history), 1)["best: 80.0% at epoch 2"] == [[2], [0.8]]


def test_training_curves_before_the_first_validation() -> None:
    assert "best" not in texts(training_curves(HISTORY[:1]))


def test_a_long_history_is_thinned_out_and_keeps_its_extremes() -> None:
    history = [{"epoch": epoch, "metrics": {"val_acc": 0.5 + epoch % 7 / 100}} for epoch in range(1, 3001)]
    history[1233]["metrics"]["val_acc"], history[1777]["metrics"]["val_acc"] = 0.99, 0.01
    epochs, values = lines(training_curves(history), 1)["validation accuracy"]
    assert POINTS <= len(epochs) <= POINTS + 2
    assert (epochs[0], epochs[-1], max(values), min(values)) == (1, 3000, 0.99, 0.01)


def test_a_curve_without_numbers_is_no_curve() -> None:
    history = [{"epoch": 1, "metrics": {"val_acc": None, "train_acc": 0.5}}]
    assert lines(training_curves(history), 1)["validation accuracy"] == [[], []]
