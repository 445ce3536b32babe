"""Files of a few kinship stories, in CLUTRR's columns."""

from __future__ import annotations

import csv
from pathlib import Path

STEPS = {("father", "father"): "grandfather", ("father", "mother"): "grandmother", ("mother", "father"): "grandfather"}


def write_stories(folder: Path, rows: list[dict[str, str]] | None = None) -> Path:
    """Stories of two facts to train on and of three to test on; ``rows`` in place of those to train on."""
    folder.mkdir(parents=True, exist_ok=True)
    train = [story([one, other], target) for (one, other), target in STEPS.items()]
    test = [story(["brother", "father", "mother"], "grandmother")]
    train += [story(["brother", "father"], "father"), story(["sister", "mother"], "mother")]
    for name, written in (("1.2_train", train if rows is None else rows), ("1.3_test", test)):
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["id", "story", "story_edges", "edge_types", "query_edge", "target"])
            writer.writeheader()
            writer.writerows(written)
    return folder


def story(relations: list[str], target: str) -> dict[str, str]:
    """A chain of facts; the question is about its ends. Its text has a line break."""
    edges = [(number, number + 1) for number in range(len(relations))]
    return {
        "id": "x",
        "story": "He went,\nand came.",
        "story_edges": str(edges),
        "edge_types": str(relations),
        "query_edge": str((0, len(relations))),
        "target": target,
    }
