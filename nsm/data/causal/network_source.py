"""The data set of one Bayesian network: twin questions, answered by exact inference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import numpy as np

from nsm.data.causal.bif import read_bif
from nsm.data.causal.network_graphs import network_graph, network_schema
from nsm.data.causal.network_questions import NetworkQuestion, find_network_twins
from nsm.data.causal.networks import BayesianNetwork
from nsm.data.causal.questions import RUNGS
from nsm.data.causal.source import Shard, code_hash, split_pairs
from nsm.data.triples import Info, Sample, Schema
from nsm.errors import DataError

__all__ = ["NetworkSource"]

ATTEMPTS = 400  # draws of variables without a pair of twins before a shard is given up
INTERVENED = {"association": (0, 0), "intervention": (1, 2)}  # by rung: fewest and most variables that are set


class NetworkSettings(Protocol):
    """The settings that determine a data set about a network; see ``[causal]`` of the configuration."""

    @property
    def num_graphs(self) -> int:
        """Number of graphs, both twins counted."""
        ...

    @property
    def rungs(self) -> Sequence[str]:
        """Kinds of question, in equal shares; counterfactuals are left out, since a network has no mechanisms."""
        ...


@dataclass(frozen=True)
class NetworkSource:
    """Makes the samples of a data set about one network.

    Args:
        settings: The settings.
        file: The network, in BIF.
        seed: Every shard is a function of this seed, its rung and its number.

    Raises:
        DataError: If the file is malformed, when the network is first used.
    """

    settings: NetworkSettings
    file: Path
    seed: int

    @cached_property
    def network(self) -> BayesianNetwork:
        """The network, read once."""
        return read_bif(self.file)

    @cached_property
    def schema(self) -> Schema:
        """The vocabulary of graphs about this network."""
        return network_schema(self.network)

    @property
    def split_shares(self) -> tuple[float, float, float]:
        """Shares of train, val and test."""
        return 0.7, 0.1, 0.2

    @property
    def rungs(self) -> list[str]:
        """The rungs that a network can answer."""
        return [rung for rung in self.settings.rungs if rung in INTERVENED]

    def key(self) -> dict[str, object]:
        """All that determines the content."""
        return {
            "source": "network",
            "code": code_hash(),
            "file": sha256(self.file.read_bytes()).hexdigest(),
            "graphs": self.settings.num_graphs,
            "rungs": self.rungs,
            "seed": self.seed,
        }

    def shards(self) -> list[Shard]:
        """The pairs of both rungs in pieces, in equal shares."""
        return split_pairs(self.settings.num_graphs // 2, self.rungs)

    def make(self, shard: Shard) -> list[Sample]:
        """Both twins of each pair; a small network may have fewer than are wanted, and repeats some.

        Raises:
            DataError: If the network has none at all.
        """
        rng = np.random.default_rng([self.seed, RUNGS.index(shard.rung), shard.first])
        fewest, most = INTERVENED[shard.rung]
        samples: list[Sample] = []
        failures = 0
        while len(samples) < 2 * shard.count and failures < ATTEMPTS:
            found = find_network_twins(self.network, int(rng.integers(fewest, most + 1)), rng)
            failures = 0 if found else failures + 1
            for twins in found:
                number = f"{shard.rung}/{shard.first + len(samples) // 2}"
                samples += [self._sample(question, shard.rung, number) for question in twins]
        if not samples:
            what = f"no two questions of the rung {shard.rung!r} about this network have opposite answers"
            raise DataError(what, file=self.file, hint="it needs some variables that depend on each other")
        return samples[: 2 * shard.count]

    def _sample(self, question: NetworkQuestion, rung: str, pair: str) -> Sample:
        names = self.network.variables
        words = [names[question.query], *(f"do {names[v]}" for v in sorted(question.intervened))]
        words += [names[v] for v in sorted(question.observed)]
        info: Info = {
            "family": rung,
            "rung": rung,
            "pair": pair,
            "query": names[question.query],
            "probability": question.probability,
            "prior": question.prior,
            "ceiling": 1.0,
        }
        return network_graph(self.network, question, group=", ".join(words), info=info)
