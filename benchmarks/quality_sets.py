"""What `quality.py` trains and tests: tasks with their evaluation sets, models, and how small a quick look is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from asking import refuse
from nsm.config import Config, load_config
from trainings import Place

__all__ = [
    *("ASIDE", "BESIDE", "DEFAULTS", "EQUAL_TIME", "FLAT", "LONG", "MODELS", "MORE", "QUARTER", "QUICK"),
    *("REFERENCE", "SMALLER", "TASKS", "TRIVIAL", "TUNED", "WITHOUT_CYCLE"),
    *("Task", "build_config", "settings_of"),
]

Settings = tuple[str, ...]

OTHER_SEED = "seed=2000"  # of evaluation sets that every training shares; no training has it


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
        seen: Seeds whose results on these test sets were known when the model was last changed.
        graph: The graph whose link scorer `kg.py` measures, where others have published its ranks.
    """

    domain: str
    settings: Settings = ()
    others: Mapping[str, Settings] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    seeks: str = ""
    least: Mapping[str, float] = field(default_factory=dict)
    seen: tuple[int, ...] = ()
    graph: str = ""

    @property
    def sets(self) -> list[str]:
        """Its evaluation sets, the test split first."""
        return ["test", *self.others]

    def data_of(self, name: str, place: Place) -> Settings:
        """The settings of an evaluation set's data; none for the test split."""
        settings = self.others.get(name, ())
        return (*settings, *QUICK_OTHERS.get((self.domain, name), ())) if place.is_quick else settings

    @property
    def needs_shared(self) -> bool:
        """Whether its data are files that do not come with this repository."""
        return any("{shared}" in setting for setting in self.settings)


def _inductive(graph: str) -> Task:
    """Trained on one graph, tested on another one of new entities."""
    folder = "{shared}/data/kg/inductive/" + graph
    settings = (f"kg.graph={folder}", f"kg.inductive={folder}_ind", "kg.hops=3", "kg.ranking=false")
    return Task(
        "kg", settings, seeks=f"Tail swaps of the facts of {graph}'s second graph, of new entities.", graph=graph
    )


TASKS = {
    "planning": Task(
        "planning",
        others={
            "longer": ("planning.min_length=48", "planning.max_length=72", "planning.graphs=2000", OTHER_SEED),
            "larger": ("planning.scale=4", "planning.graphs=2000", OTHER_SEED),
        },
        parts=("distance", "family"),
        seeks="Longer: plans of 48 to 72 steps, twice as long as any of the training (8 to 24) and more. Larger: plans "
        "of problems with at least twice as many objects as any problem of the training's, family by family; the plans "
        "are not longer, and a graph has only the objects that its plan or goal names, which are fewer: see "
        "[sizes.md](sizes.md).",
        seen=tuple(range(2, 12)),
    ),
    "planning-held-out": Task(
        "planning",
        ("planning.domains=blocksworld,gripper,logistics,grid",),
        others={"ferry": ("planning.domains=ferry", "planning.graphs=2000", OTHER_SEED)},
        parts=("distance",),
        seeks="Trained without ferry, tested on it.",
        least={"ferry": 0.10},
    ),
    "causal": Task(
        "causal",
        others={"larger": ("causal.min_variables=13", "causal.max_variables=16", "causal.graphs=4000", OTHER_SEED)},
        parts=("rung",),
        seeks="The ceiling is the best that is possible on the noisy labels. Larger: scenarios of 13 to 16 variables, "
        "where those of the training have 5 to 12.",
        seen=tuple(range(12, 17)),
    ),
    "umls": Task("kg", ("kg.dataset=umls", "kg.ranking=false"), seeks="Tail swaps of the facts of UMLS."),
    "kinships": Task("kg", ("kg.dataset=kinships", "kg.ranking=false"), seeks="Tail swaps of the facts of Kinships."),
    "nations": Task("kg", ("kg.dataset=nations", "kg.ranking=false"), seeks="Tail swaps of the facts of Nations."),
    "wn18rr-v1": _inductive("WN18RR_v1"),
    "fb237-v1": _inductive("fb237_v1"),
    "clutrr": Task(
        "kg",
        ("kg.clutrr={shared}/data/kg/clutrr", "kg.ranking=false"),
        parts=("length",),
        seeks="Trained on stories of 2 to 4 facts, tested on up to 10.",
    ),
}
"""The link scorer that ranks is the same beside every model, so it is not trained here: `kg.py` measures it."""

DEFAULTS = ("planning", "causal", "umls")
"""The default data of each domain, whose test splits have to be calibrated."""

REFERENCE, TRIVIAL = "hierarchy", "trivial"
WITHOUT_CYCLE, QUARTER = "hierarchy-no-cycle", "hierarchy-quarter"
LESS, FLAT_LESS, MORE, FLAT_MORE = "hierarchy-less", "flat-8-less", "hierarchy-more", "flat-8-more"
MODELS: dict[str, Settings] = {
    REFERENCE: ("model=hierarchy",),
    "flat-4": ("model=flat", "flat_layers=4"),
    "flat-8": ("model=flat", "flat_layers=8"),
    "flat-4-long": ("model=flat", "flat_layers=4"),
    "flat-8-long": ("model=flat", "flat_layers=8"),
    "hierarchy-bases": ("model=hierarchy", "num_bases=8"),
    WITHOUT_CYCLE: ("model=hierarchy", "cycle_weight=0"),
    QUARTER: ("model=hierarchy",),
    LESS: ("model=hierarchy", "epochs=21"),
    FLAT_LESS: ("model=flat", "flat_layers=8"),
    MORE: ("model=hierarchy", "epochs=42"),
    FLAT_MORE: ("model=flat", "flat_layers=8"),
    "gine": ("model=gine", "flat_layers=4"),
    "gps": ("model=gps", "flat_layers=4"),
    "sagpool": ("model=sagpool", "blocks=1"),
    "majority": ("model=majority", "epochs=2"),
    TRIVIAL: (),
}
"""Each gets the number of channels that gives it as many parameters as the reference, where it has any."""

SMALLER = ("hierarchy-bases",)
"""These have fewer parameters than the reference, whose channels they keep."""

ASIDE = (*SMALLER, WITHOUT_CYCLE, QUARTER, LESS, MORE)
"""Variants of the reference, trained where asked for: with weights that relations share; without the reconstruction
error in the loss; with a quarter of the nodes at the top; and, on planning, for a quarter fewer epochs and for half as
many again."""

FLAT = ("flat-4", "flat-8", "flat-4-long", "flat-8-long")
"""The best of them by validation is what every other model is compared with."""

LONG = {"flat-4-long": "flat-4", "flat-8-long": "flat-8", FLAT_LESS: "flat-8", FLAT_MORE: "flat-8"}
"""These are trained for as many epochs as give them the training time of the reference, or of what `BESIDE` has: those
of the model named here, by what a step of both takes in turn (`step_time.py`) or, on tasks that have none there, by the
processor times of the two trainings of the same seed; rounded up."""

BESIDE = {FLAT_LESS: LESS, FLAT_MORE: MORE}
"""What is compared with another hierarchy than the reference."""

EQUAL_TIME = {FLAT_LESS: LESS, "flat-8-long": REFERENCE, FLAT_MORE: MORE}
"""For each time of training that was tried: the flat network, and the hierarchy whose time it has."""

TUNED: dict[tuple[str, str], Settings] = {
    **{("planning", model): ("learning_rate=1e-3",) for model in ("gine", "gps")},
    ("planning", QUARTER): ("num_levels=3", "pool_ratio=0.4", "cycle_weight=1"),
    ("causal", QUARTER): (
        *("num_levels=3", "blocks=2,2,2", "pool_ratio=0.25"),
        *("cycle_weight=1.5", "cycle_every=2", "cycle_warmup_epochs=1", "decode_weight=0.2"),
    ),
    ("kg", QUARTER): ("pool_ratio=0.45",),
}
"""By domain and kind of network: what is not the default. `hierarchy` or `flat`: what `tuning.py` found on validation,
with the trial's name. GINE: with 4e-3 and seed 12 it was right about 52.6 % of the validation graphs after 28 epochs,
with 1e-3 and seed 100 about 57.6 after 8; GPS, its close relative, was tried with 1e-3 only: 64.9 after 8. A quarter
at the top: what had an error below 0.35 and 95 % of the node types at the least cost, of six causal trainings and one
or two of the others, seed 100. The flat networks take all of theirs but the layers, in which they differ. A hierarchy
of other blocks than the default has the `channels` of its trial too, so that the size stays. What is not here has the
defaults."""

QUICK: dict[str, Settings] = {
    "planning": (
        *("planning.graphs=100", "planning.domains=blocksworld,gripper", "planning.allow_leaks=true"),
        *("epochs=1", "channels=64", "num_levels=2", "blocks=1"),
    ),
    "causal": ("causal.graphs=240", "causal.allow_leaks=true", "epochs=1", "channels=64", "num_levels=2", "blocks=1"),
    "kg": ("kg.graphs=100", "kg.allow_leaks=true", "epochs=1", "channels=64", "num_levels=2", "blocks=1"),
}
"""By domain: what takes seconds and says nothing about quality."""

QUICK_KEYS = ("epochs=", "blocks=", "num_levels=")
"""Keys of which a quick look has values of its own."""

QUICK_OTHERS: dict[tuple[str, str], Settings] = {
    ("planning", "longer"): ("planning.min_length=26", "planning.max_length=30", "planning.graphs=40"),
    ("planning", "larger"): ("planning.scale=2", "planning.graphs=40"),
    ("planning", "ferry"): ("planning.graphs=40",),
    ("causal", "larger"): ("causal.graphs=40",),
}
"""The same for evaluation sets, by domain and name."""


def settings_of(task: Task, place: Place) -> list[str]:
    """What a training on a task changes of the domain's defaults.

    Raises:
        SystemExit: If its files are not at hand.
    """
    if task.needs_shared and place.shared is None:
        refuse(f"{task.settings[0]}: say with --shared where the files are")
    settings = [setting.replace("{shared}", str(place.shared)) for setting in task.settings]
    if not place.is_quick:
        return settings
    return [*QUICK[task.domain], *(s for s in settings if not s.startswith(("planning.domains", *QUICK_KEYS)))]


def build_config(task: Task, settings: Sequence[str], place: Place, **more: object) -> Config:
    """A training on a task with some settings, in its place; the number of epochs of a quick look is its own."""
    own = [s for s in settings if not (place.is_quick and s.startswith(QUICK_KEYS))]
    keywords: dict[str, Any] = {"domain": task.domain, "root": place.root, "cache": place.cache, **more}
    return load_config(None, [*settings_of(task, place), *own], **keywords)
