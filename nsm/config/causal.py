"""What can be configured of the causal data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from nsm.config.base import DomainConfig, FolderPath, Share, conflict, given_value

__all__ = ["CausalConfig", "causal_defaults"]


class CausalConfig(DomainConfig):
    """The causal data: random scenarios, or questions about one Bayesian network.

    Attributes:
        graphs: Number of graphs to make, both of each pair of twins counted; by default 64,000, or 8,000 about a
            network.
        min_variables: Fewest variables of a scenario.
        max_variables: Most variables of a scenario.
        rungs: Kinds of question; counterfactuals count twice, and a Bayesian network answers none.
        hidden_share: Share of the scenarios with a confounder that is never observed; in half of them it is not drawn.
        network: Name of a Bayesian network that pgmpy ships, such as ``asia``, in place of scenarios.
        bif: Own Bayesian network, a file in the format BIF, in place of scenarios.
    """

    graphs: Annotated[int, Field(ge=20)] | None = None
    min_variables: Annotated[int, Field(ge=5, le=16)] = 5
    max_variables: Annotated[int, Field(ge=5, le=16)] = 12
    rungs: Annotated[tuple[Literal["association", "intervention", "counterfactual"], ...], Field(min_length=1)] = (
        "association",
        "intervention",
        "counterfactual",
    )
    hidden_share: Share = 0.1
    network: str | None = None
    bif: FolderPath | None = None

    @property
    def num_graphs(self) -> int:
        """The number of graphs to make."""
        if self.graphs is not None:
            return self.graphs
        return 64_000 if self.network is None and self.bif is None else 8_000

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.min_variables > self.max_variables:
            expected = f"expected at most max_variables ({self.max_variables})"
            raise conflict("min_variables", f"{expected}, got {self.min_variables}")
        if len(set(self.rungs)) < len(self.rungs):
            raise conflict("rungs", f"expected each rung once, got {', '.join(self.rungs)}")
        if self.network is not None and self.bif is not None:
            raise conflict("bif", "expected a named network or a file, got both: drop causal.network or causal.bif")
        if (self.network or self.bif) and self.rungs == ("counterfactual",):
            raise conflict("rungs", "a Bayesian network has no mechanisms, so it answers no counterfactual")
        return self


def causal_defaults(given: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults of a training on causal data in place of the general ones: its graphs are small, its labels noisy.

    Args:
        given: What was configured. Questions about a network are fewer and have no noise, so they are seen more often.

    Example:
        >>> causal_defaults({"causal": {"network": "asia"}})["epochs"], causal_defaults({})["epochs"]
        (30, 6)
    """
    found = {"batch_size": 128, "dropout": 0.1, "message_norm": "sqrt", "refine_blocks": 3}
    if any(given_value(given, "causal", key) for key in ("network", "bif")):
        of_network = {"epochs": 30, "learning_rate": 2e-3, "average_share": 0.0, "cycle_weight": 1.5, "cycle_every": 2}
        return {**found, **of_network, "num_levels": 3, "blocks": 3}
    # few wide blocks take less time than many narrow ones: docs/causal.md has what was tried
    return {**found, "epochs": 6, "blocks": 2, "channels": 74}
