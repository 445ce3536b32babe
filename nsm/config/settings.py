"""What can be configured, with types, ranges and defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from nsm.config.base import DomainConfig, FolderPath, Settings, Share, conflict
from nsm.config.causal import CausalConfig, causal_defaults
from nsm.config.kg import KgConfig, kg_defaults
from nsm.config.own import MODELS, ModelName, OwnConfig
from nsm.config.toml import to_toml

__all__ = ["ALIASES", "CausalConfig", "Config", "DomainConfig", "KgConfig", "OwnConfig", "PlanningConfig"]

ALIASES = {"lr": "learning_rate"}
"""Short names that are accepted for keys, at the top of the configuration only."""

DOMAIN_DEFAULTS: dict[str | None, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "causal": causal_defaults,
    "kg": kg_defaults,
    "own": lambda _: {**kg_defaults({}), "cycle_weight": 0.4, "order_scale": 1.0},
}
"""Defaults of domains in place of the general ones, which are those of planning, given what was configured."""

CYCLE_WEIGHT = 0.15
"""Weight of the reconstruction error in the loss, where none is given."""


class PlanningConfig(DomainConfig):
    """The planning data: which problems, which plans, which kinds of failure.

    Attributes:
        domains: Generated domains, in equal shares; not used with ``pddl``.
        graphs: Number of graphs to make, valid and invalid ones together; by default 9,600, or 2,000 with ``pddl``.
        min_length: Shortest plan, in steps.
        max_length: Longest plan, in steps.
        min_objects: Fewest objects of a generated problem.
        min_distance: Steps from a failing step back to its cause, at least, for a non-local failure.
        nonlocal_share: Share of the invalid plans whose failure is non-local.
        scale: Size of the generated problems, relative to the usual one.
        pddl: Folder with ``domain.pddl`` and problems, in place of the generated domains.
        plans: Folder with the plan files for ``pddl``; that of ``pddl`` itself by default.
        plan_source: Where plans come from: random walks, a planner, or files.
    """

    domains: Annotated[
        tuple[Literal["blocksworld", "gripper", "logistics", "ferry", "grid"], ...], Field(min_length=1)
    ] = (
        "blocksworld",
        "gripper",
        "logistics",
        "ferry",
        "grid",
    )
    graphs: Annotated[int, Field(ge=20)] | None = None
    min_length: Annotated[int, Field(ge=1)] = 8
    max_length: Annotated[int, Field(ge=1, le=1000)] = 24
    min_objects: Annotated[int, Field(ge=2)] = 4
    min_distance: Annotated[int, Field(ge=1)] = 3
    nonlocal_share: Share = 0.85
    scale: Annotated[float, Field(gt=0, le=10)] = 1.0
    pddl: FolderPath | None = None
    plans: FolderPath | None = None
    plan_source: Literal["walk", "planner", "files"] = "walk"

    @property
    def num_graphs(self) -> int:
        """The number of graphs to make."""
        if self.graphs is not None:
            return self.graphs
        return 9_600 if self.pddl is None else 2_000

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if len(set(self.domains)) < len(self.domains):
            raise conflict("domains", f"expected each domain once, got {', '.join(self.domains)}")
        if self.min_length > self.max_length:
            raise conflict("min_length", f"expected at most max_length ({self.max_length}), got {self.min_length}")
        if self.plans is not None and self.plan_source != "files":
            raise conflict("plans", "to read plans, set planning.plan_source to 'files' as well")
        if self.plan_source != "walk" and self.pddl is None:
            raise conflict("plan_source", f"{self.plan_source!r} needs problems: set planning.pddl as well")
        return self


class Config(Settings):
    """Everything that determines a run.

    Attributes:
        domain: What is reasoned about.
        seed: Seed of the data, the weights and the order of training.
        epochs: Passes over the training data.
        batch_size: Graphs per optimisation step, all parts and all processes together.
        accumulate: Parts that a batch is computed in, one after the other, their gradients added up: the same step
            with less memory.
        recompute: What the backward pass computes again to save memory: with ``checkpoint`` the inside of each level,
            to the same bits; with ``reverse`` the layers of the hierarchy from their outputs, up to rounding, however
            many there are.
        learning_rate: Peak step size of AdamW; ``lr`` for short.
        weight_decay: Decoupled weight decay.
        warmup_epochs: Epochs of linear warm-up, at most half of the run.
        schedule: What follows the warm-up. ``one-cycle`` rises for 30 % of the run and then falls; ``plateau``
            lowers the rate where the validation loss has stopped falling.
        plateau_patience: Validations without a lower loss before ``plateau`` lowers the rate.
        plateau_factor: What it then multiplies the rate by.
        clip_norm: Largest norm of the gradient; 0 switches clipping off.
        average_share: Share of the steps so far that a running average of the weights reaches back over, which is what
            is validated and kept; 0 keeps the weights themselves.
        cycle_weight: Weight of the reconstruction error without details.
        cycle_warmup_epochs: Epochs in which that weight rises from nothing, slowly at first (by the square): with full
            weight from the start it teaches the encoder to forget what is hard to reconstruct before the task needs it.
        cycle_every: Computes that term every so many steps, and then as many times as heavy.
        auxiliary_weight: Weight of what each level of the hierarchy says by itself, in training only; 0 does without.
        balance_weight: Weight of how unevenly the dropped nodes are shared among the kept ones, in training only.
        decode_weight: Weight, times ``cycle_weight``, of types and roles misread in what is rebuilt, in training only.
        num_levels: Levels of the hierarchy, the concrete one included; with one there is nothing to climb to.
        channels: Features per node.
        blocks: Reversible blocks of the concrete level, with one at each level above it, or a list of one number for
            each level; ``sagpool`` has two convolutions for each.
        refine_blocks: Reversible blocks at the concrete level after it has heard from those above, before the
            readout; one from the top only has none.
        pool_ratio: Share of nodes that stay at each step up.
        contraction: Whether edges keep their relations on the way up, or all above the concrete level are of one.
        readout: Whether the hierarchy decides from the abstract level and the concrete one, or from the former only.
        pooling: How the readout takes the mean over a graph's nodes: of all alike, or weighted by attention, with a
            query made of the nodes that the graph asks about, or learned where it asks about none.
        dropout: Probability of dropping a value of an update.
        num_bases: Number of matrices that the relations' weights are mixtures of, in each convolution of the hierarchy
            and the flat network that has fewer parameters with them; 0 where each relation has its own.
        message_norm: How the messages that reach a node under one relation are divided by their number, in the
            hierarchy and the flat network.
        order_scale: Least factor by which the positions of a training graph's steps are drawn together, for half of the
            graphs; longer graphs than any in training are then drawn together to that length, which they are never with
            1.
        model: The hierarchy; or what it is compared with: the flat relational network, GINE, GPS (a graph transformer),
            a SAGPool hierarchy, gradient boosting on trivial features, the majority class; or a network of your own,
            ``package.module:Name``, which is imported and called with the configuration and the schema.
        flat_layers: Layers of the flat network, of GINE and of GPS.
        eval_every: Epochs between validations.
        save_every: Epochs between numbered checkpoints.
        save_minutes: Minutes between savings of ``last.pt`` inside an epoch; 0 switches them off.
        keep: Numbered checkpoints that stay, the latest ones; 0 keeps all.
        patience: Validations without improvement before training stops early; 0 switches it off.
        precision: Arithmetic of the forward and backward pass.
        tf32: Whether a GPU may round the factors of a float32 product to ten bits, which is faster.
        deterministic: Whether to insist on operations that give the same bits every time, which a GPU does slower.
        accelerator: Where to compute; ``auto`` takes a GPU where there is one.
        devices: Processes that train together, each on a device of its own; started by ``torchrun``.
        threads: Threads of each operation on the processor.
        workers: Processes that build the data; 0 builds in this one, which needs nothing else and cannot hang.
        root: Where runs are kept; see :func:`nsm.runs.resolve_root`.
        run: Name of the run; a time stamp by default.
        cache: Where built data is kept; ``<root>/data`` by default.
        planning: The planning data.
        causal: The causal data.
        kg: The knowledge graph.
        own: The user's own data.

    Example:
        >>> Config(epochs=3).learning_rate
        0.004
    """

    domain: Literal["planning", "causal", "kg", "own"] = "planning"
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    epochs: Annotated[int, Field(ge=1)] = 28
    batch_size: Annotated[int, Field(ge=1)] = 64
    accumulate: Annotated[int, Field(ge=1)] = 1
    recompute: Literal["none", "checkpoint", "reverse"] = "none"
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 4e-3
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 1e-2
    warmup_epochs: Annotated[float, Field(ge=0)] = 1
    schedule: Literal["cosine", "constant", "one-cycle", "plateau"] = "cosine"
    plateau_patience: Annotated[int, Field(ge=1)] = 3
    plateau_factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    clip_norm: Annotated[float, Field(ge=0)] = 1.0
    average_share: Annotated[float, Field(ge=0, le=1)] = 0.33
    cycle_weight: Annotated[float, Field(ge=0)] = CYCLE_WEIGHT
    cycle_warmup_epochs: Annotated[float, Field(ge=0)] = 4
    cycle_every: Annotated[int, Field(ge=1)] = 4
    auxiliary_weight: Annotated[float, Field(ge=0)] = 0.0
    balance_weight: Annotated[float, Field(ge=0)] = 0.0
    decode_weight: Annotated[float, Field(ge=0)] = 0.0
    num_levels: Annotated[int, Field(ge=1, le=6)] = 2
    channels: Annotated[int, Field(ge=2)] = 64
    blocks: Annotated[int, Field(ge=1)] | tuple[Annotated[int, Field(ge=1)], ...] = 3
    refine_blocks: Annotated[int, Field(ge=0)] = 2
    pool_ratio: Annotated[float, Field(gt=0, lt=1)] = 0.5
    contraction: Literal["typed", "untyped"] = "typed"
    readout: Literal["dual", "top"] = "dual"
    pooling: Literal["mean", "attention"] = "mean"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    num_bases: Annotated[int, Field(ge=0)] = 0
    message_norm: Literal["sqrt", "mean", "sum"] = "sum"
    order_scale: Annotated[float, Field(gt=0, le=1)] = 0.33
    model: ModelName = "hierarchy"
    flat_layers: Annotated[int, Field(ge=1)] = 4
    eval_every: Annotated[int, Field(ge=1)] = 1
    save_every: Annotated[int, Field(ge=1)] = 10
    save_minutes: Annotated[float, Field(ge=0)] = 10
    keep: Annotated[int, Field(ge=0)] = 0
    patience: Annotated[int, Field(ge=0)] = 0
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    tf32: bool = False
    deterministic: bool = False
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: Annotated[int, Field(ge=1)] = 1
    threads: Annotated[int, Field(ge=1)] = 1
    workers: Annotated[int, Field(ge=0)] = 0
    root: FolderPath | None = None
    run: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] | None = None
    cache: FolderPath | None = None
    planning: PlanningConfig = PlanningConfig()
    causal: CausalConfig = CausalConfig()
    kg: KgConfig = KgConfig()
    own: OwnConfig = OwnConfig()

    @model_validator(mode="before")
    @classmethod
    def _with_domain_defaults(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        defaults_of = DOMAIN_DEFAULTS.get(given.get("domain"))
        return given if defaults_of is None else {**defaults_of(given), **given}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.channels % 2:
            raise conflict("channels", f"expected an even number, which a block can halve, got {self.channels}")
        if self.recompute == "reverse" and self.model in MODELS[1:]:
            raise conflict("recompute", "only the layers of the hierarchy can be reversed: set it to 'checkpoint'")
        for key, weight in self.term_weights.items():
            if weight > 0 and self.model in MODELS[1:]:
                told = "only the hierarchy has this term of the loss: leave it out, or set model to 'hierarchy'"
                raise conflict(key, f"{told}; with {self.model!r} expected 0, got {weight:g}")
        if self.num_bases and self.model in MODELS[2:]:
            raise conflict("num_bases", f"{self.model!r} has no weights of relations to share: leave it out")
        for key in ("balance_weight", "decode_weight"):
            if getattr(self, key) > 0 and self.model == MODELS[0] and self.num_levels == 1:
                raise conflict(key, "a single level has no other above: leave it out, or set num_levels to 2 or more")
        if self.decode_weight > 0 and self.cycle_weight == 0:
            raise conflict("decode_weight", "it counts with the reconstruction error: set cycle_weight above 0 as well")
        if self.model == "boosting" and self.precision != "32-true":
            raise conflict("precision", "boosting counts in full precision: leave it out")
        if isinstance(self.blocks, tuple) and len(self.blocks) != self.num_levels:
            expected = f"expected one number per level (num_levels = {self.num_levels})"
            raise conflict("blocks", f"{expected}, got {len(self.blocks)}")
        return self

    @property
    def blocks_per_level(self) -> tuple[int, ...]:
        """Reversible blocks of each level, concrete level first."""
        return self.blocks if isinstance(self.blocks, tuple) else (self.blocks, *(1,) * (self.num_levels - 1))

    @property
    def term_weights(self) -> dict[str, float]:
        """Weights of the terms that count in training only, as :func:`~nsm.models.losses.compute_loss` takes them."""
        return {key: getattr(self, key) for key in ("auxiliary_weight", "balance_weight", "decode_weight")}

    @property
    def domain_table(self) -> DomainConfig:
        """The table of the configured domain."""
        table: DomainConfig = getattr(self, self.domain)
        return table

    @classmethod
    def from_constants(cls, **constants: object) -> Config:
        """Takes the keys in capitals, as a notebook writes them; a table is a dictionary.

        Raises:
            ConfigError: For an unknown constant or a value that does not fit.

        Example:
            >>> Config.from_constants(DOMAIN="planning", LR=1e-3, PLANNING={"graphs": 500}).learning_rate
            0.001
        """
        from nsm.config.reading import load_config

        return load_config(None, [], **{name.lower(): value for name, value in constants.items()})

    def with_absolute_paths(self) -> Config:
        """The same with every path absolute: it means the same files wherever it is read again."""

        def absolute(table: BaseModel) -> dict[str, Path]:
            return {key: value.absolute() for key, value in table if isinstance(value, Path)}

        table = self.domain_table.model_copy(update=absolute(self.domain_table))
        return self.model_copy(update={**absolute(self), self.domain: table})

    def to_json(self) -> dict[str, Any]:
        """The configuration as plain values, as a checkpoint stores it."""
        return self.model_dump(mode="json")

    def to_toml(self) -> str:
        """The configuration as TOML; read back, it gives an equal one. Keys without a value are left out."""
        return to_toml(self.to_json())
