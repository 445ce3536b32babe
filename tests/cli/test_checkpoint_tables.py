"""Checkpoints as text."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from nsm.cli.checkpoint_tables import content_parts, difference_parts, file_table, prune_text
from nsm.training.inspection import CheckpointContent, CheckpointDifference, ParameterInfo
from nsm.training.inventory import CheckpointFile, PrunePlan

ROOT = Path("root")
GOOD = CheckpointFile(ROOT / "one.pt", "best", "one", 2_345_678, 0.0, 3, 0.91234, 0.5)
BAD = CheckpointFile(ROOT / "two.pt", "last", "one", 812, 7_000.0, problem="the file is empty")


def text(*parts: RenderableType) -> list[str]:
    console = Console(width=120, record=True, quiet=False, file=None, markup=False, highlight=False)
    with console.capture() as captured:
        console.print(*parts, sep="\n")
    return [" ".join(line.split()) for line in captured.get().splitlines()]


def test_files() -> None:
    lines = text(file_table([GOOD, BAD], ROOT, now=7_200.0))
    assert lines[1:] == ["one.pt best 3 0.9123 0.5 2.3 MB 2 h", "two.pt last 812 B 3 min damaged: the file is empty"]


def test_a_content_without_what_does_not_concern_it() -> None:
    config = {"domain": "kg", "blocks": [2, 1], "run": None, "kg.hops": 2, "causal.graphs": 9}
    weights = [ParameterInfo("a.weight", (2, 3), 6, 1.5, 0.25, 0.5), ParameterInfo("scale", (), 1, 2.0, 2.0, 0.0)]
    lines = text(*content_parts(CheckpointContent(ROOT / "one.pt", {"epoch": 3}, config, {}, weights)))
    assert "blocks 2, 1" in lines
    assert "kg.hops 2" in lines
    assert "a.weight 2 x 3 6 1.5 0.25 0.5" in lines
    assert "scale scalar 1 2 2 0" in lines
    assert lines[-1] == "7 values in 2 tensors"
    assert not [line for line in lines if line.startswith(("causal", "run", "from"))]


def test_a_difference() -> None:
    lines = text(
        *difference_parts(
            CheckpointDifference(
                ROOT / "one.pt",
                ROOT / "two.pt",
                {"epoch": (1, 3), "val_acc": (None, 0.5)},
                {"amsgrad": (True, False), "lr": (0.1, None)},
                {"new": math.inf, "some": 0.5, "none": 0.0},
                {"gone": ((2, 2), None)},
            ),
            top=2,
        )
    )
    assert {"epoch 1 3 +2", "val_acc 0.5", "amsgrad True False", "lr 0.1", "new inf", "some 0.5"} <= set(lines)
    assert lines[-2:] == ["... and 1 tensors that changed less", "gone: 2 x 2 in the first, nothing in the second"]


@pytest.mark.parametrize(
    ("plan", "last"),
    [
        (PrunePlan([GOOD, BAD], {}), "2 checkpoints to remove, 2.3 MB"),
        (PrunePlan([], {}), "nothing to remove"),
        (PrunePlan([], {ROOT: "it has no last.pt"}), "nothing to remove"),
    ],
)
def test_a_pruning(plan: PrunePlan, last: str) -> None:
    told = prune_text(plan, ROOT)
    assert told.splitlines()[-1] == last
    assert all(reason in told for reason in plan.spared.values())
