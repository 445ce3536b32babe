"""The causal data set: twin questions about random scenarios, made from seeds alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np

from nsm.data.causal.graphs import CAUSAL_SCHEMA, question_graph
from nsm.data.causal.noise import draw_label
from nsm.data.causal.questions import RUNGS, find_twins
from nsm.data.causal.scenarios import draw_scenario
from nsm.data.causal.worlds import Worlds
from nsm.data.triples import Info, Sample, Schema
from nsm.errors import DataError

__all__ = ["CausalSettings", "CausalSource", "Shard", "code_hash", "split_pairs"]

PAIRS_PER_SHARD = 100
WEIGHTS = {"association": 1, "intervention": 1, "counterfactual": 2}
ATTEMPTS = 2000  # models of one size drawn before it is given up


class CausalSettings(Protocol):
    """The settings that determine a causal data set; see ``[causal]`` of the configuration."""

    @property
    def num_graphs(self) -> int:
        """Number of graphs, both twins counted."""
        ...

    @property
    def min_variables(self) -> int:
        """Fewest variables of a scenario."""
        ...

    @property
    def max_variables(self) -> int:
        """Most variables of a scenario."""
        ...

    @property
    def rungs(self) -> Sequence[str]:
        """Kinds of question."""
        ...

    @property
    def hidden_share(self) -> float:
        """Share of the scenarios with a confounder that nobody observes."""
        ...


@dataclass(frozen=True)
class Shard:
    """Some pairs of one rung.

    Args:
        rung: Name of the rung.
        first: Number of the first pair.
        count: Number of pairs.
    """

    rung: str
    first: int
    count: int


def split_pairs(pairs: int, rungs: Sequence[str]) -> list[Shard]:
    """Pieces of so many pairs in all; counterfactuals, which are harder to learn, count twice."""
    weights = [WEIGHTS[rung] for rung in rungs]
    bounds = [pairs * sum(weights[:i]) // sum(weights) for i in range(len(rungs) + 1)]
    share = [after - before for before, after in pairwise(bounds)]
    return [
        Shard(rung, first, min(PAIRS_PER_SHARD, total - first))
        for rung, total in zip(rungs, share, strict=True)
        for first in range(0, total, PAIRS_PER_SHARD)
    ]


@dataclass(frozen=True)
class CausalSource:
    """Makes the samples of a causal data set.

    Args:
        settings: The settings.
        seed: Every shard is a function of this seed, its rung and its number.
    """

    settings: CausalSettings
    seed: int

    @property
    def schema(self) -> Schema:
        """The vocabulary of causal graphs."""
        return CAUSAL_SCHEMA

    @property
    def split_shares(self) -> tuple[float, float, float]:
        """Shares of train, val and test."""
        return 0.8, 0.05, 0.15

    def key(self) -> dict[str, object]:
        """All that determines the content."""
        s = self.settings
        return {
            "source": "causal",
            "code": code_hash(),
            "graphs": s.num_graphs,
            "variables": [s.min_variables, s.max_variables],
            "rungs": list(s.rungs),
            "hidden_share": s.hidden_share,
            "seed": self.seed,
        }

    def shards(self) -> list[Shard]:
        """The pairs of all rungs in pieces."""
        return split_pairs(self.settings.num_graphs // 2, self.settings.rungs)

    def make(self, shard: Shard) -> list[Sample]:
        """Both twins of each pair; scenarios are drawn until there are enough.

        Raises:
            DataError: If too few scenarios have twins.
        """
        rung, s = RUNGS.index(shard.rung), self.settings
        rng = np.random.default_rng([self.seed, rung, shard.first])
        samples: list[Sample] = []
        while len(samples) < 2 * shard.count:
            size = int(rng.integers(s.min_variables, s.max_variables + 1))
            group = f"{shard.rung}/{shard.first + len(samples) // 2}"
            made = (self._scenario(rung, size, group, rng) for _ in range(ATTEMPTS))
            found = next((pairs for pairs in made if pairs), None)
            if found is None:
                what = f"hardly any scenario of {size} variables has two questions of the rung {shard.rung!r}"
                raise DataError(f"{what} with opposite answers", hint="raise causal.min_variables")
            samples += found
        return samples[: 2 * shard.count]

    def _scenario(self, rung: int, size: int, group: str, rng: np.random.Generator) -> list[Sample]:
        """The samples of one scenario; none where it has no twins."""
        scenario = draw_scenario(rng, size, self.settings.hidden_share)
        if scenario is None:
            return []
        samples = []
        worlds = Worlds(scenario.model)
        for number, twins in enumerate(find_twins(scenario, worlds, rung, rng)):
            names = scenario.names(twins[0].query, rng)
            for question in twins:
                info: Info = {
                    "family": RUNGS[rung],
                    "rung": RUNGS[rung],
                    "pair": f"{group}/{number}",
                    "confounder": scenario.confounder,
                    "variables": len(scenario.drawn),
                    "probability": question.probability,
                    "ceiling": max(question.probability, 1 - question.probability),
                }
                draw = draw_label(worlds, question, rng)
                samples.append(question_graph(scenario, question, draw, names=names, group=group, info=info))
        return samples


@lru_cache(maxsize=1)
def code_hash() -> str:
    """Hash of this package's own files: data that older code made is not taken for what this code would make."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]
