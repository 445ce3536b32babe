"""What `quality.py` trains and tests: tasks with their evaluation sets, models, and how small a quick look is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["FLAT", "MODELS", "QUICK", "QUICK_OTHERS", "REFERENCE", "TASKS", "TRIVIAL", "Task"]

Settings = tuple[str, ...]

OTHER_SEED = "seed=1000"  # of evaluation sets that every training shares; no training has it


@dataclass(frozen=True)
class Task:
    """What is learned, and what it is tested on.

    Args:
        domain: The domain of the configuration.
        settings: What the training changes of the domain's defaults.
        others: Evaluation sets beside the test split, by name: settings of their data.
        parts: Columns that results are broken down by.
        seeks: What is asked of the evaluation sets, in words.
        least: How far above the majority an accuracy has to be for its row not to say that it failed.
    """

    domain: str
    settings: Settings = ()
    others: Mapping[str, Settings] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    seeks: str = ""
    least: Mapping[str, float] = field(default_factory=dict)


TASKS = {
    "planning": Task(
        "planning",
        others={
            "longer": ("planning.min_length=48", "planning.max_length=72", "planning.graphs=2000", OTHER_SEED),
            "larger": ("planning.scale=4", "planning.graphs=2000", OTHER_SEED),
        },
        parts=("distance", "family"),
        seeks="Longer: plans of 48 to 72 steps, twice as long as any of the training (8 to 24) and more. Larger: at "
        "least twice as many objects as in any problem of the training's, family by family.",
    ),
    "planning-held-out": Task(
        "planning",
        ("planning.domains=blocksworld,gripper,logistics,grid",),
        others={"ferry": ("planning.domains=ferry", "planning.graphs=2000", OTHER_SEED)},
        parts=("distance",),
        seeks="Trained without ferry, tested on it.",
        least={"ferry": 0.10},
    ),
    "causal": Task("causal", parts=("rung",), seeks="The ceiling is the best that is possible on the noisy labels."),
    "umls": Task("kg", ("kg.dataset=umls", "kg.ranking=false"), seeks="Tail swaps of the facts of UMLS."),
    "kinships": Task("kg", ("kg.dataset=kinships", "kg.ranking=false"), seeks="Tail swaps of the facts of Kinships."),
    "nations": Task("kg", ("kg.dataset=nations", "kg.ranking=false"), seeks="Tail swaps of the facts of Nations."),
}

REFERENCE, TRIVIAL = "hierarchy", "trivial"
MODELS: dict[str, Settings] = {
    REFERENCE: ("model=hierarchy",),
    "flat-4": ("model=flat", "flat_layers=4"),
    "flat-8": ("model=flat", "flat_layers=8"),
    "gine": ("model=gine", "flat_layers=4"),
    "sagpool": ("model=sagpool", "blocks=1"),
    "majority": ("model=majority", "epochs=2"),
    TRIVIAL: (),
}
"""Each gets the number of channels that gives it as many parameters as the reference, where it has any."""

FLAT = ("flat-4", "flat-8")
"""The best of them by validation is what every other model is compared with."""

QUICK: dict[str, Settings] = {
    "planning": (
        *("planning.graphs=100", "planning.domains=blocksworld,gripper", "planning.allow_leaks=true"),
        *("epochs=1", "channels=64", "num_levels=2", "blocks=1"),
    ),
    "causal": ("causal.graphs=240", "causal.allow_leaks=true", "epochs=1", "channels=64", "num_levels=2", "blocks=1"),
    "kg": ("kg.graphs=100", "kg.allow_leaks=true", "epochs=1", "channels=64", "num_levels=2", "blocks=1"),
}
"""By domain: what takes seconds and says nothing about quality."""

QUICK_OTHERS: dict[str, Settings] = {
    "longer": ("planning.min_length=26", "planning.max_length=30", "planning.graphs=40"),
    "larger": ("planning.scale=2", "planning.graphs=40"),
    "ferry": ("planning.graphs=40",),
}
"""The same for evaluation sets."""
