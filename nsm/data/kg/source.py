"""The data set of a knowledge graph: true and false triples, each judged from the facts around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from nsm.data.kg.bundled import bundled_files
from nsm.data.kg.extraction import Neighbourhood, Queries
from nsm.data.kg.graph import FACT_SPLITS, Facts, KnowledgeGraph
from nsm.data.kg.reading import find_files, read_graph
from nsm.data.kg.samples import Labelled, kg_schema, make_samples
from nsm.data.kg.swaps import Swaps, swap_tails
from nsm.data.triples import Info, Sample, Schema
from nsm.data.writing import SPLITS
from nsm.errors import DataError

__all__ = ["DEGREES", "GraphSettings", "KgSource", "Shard", "open_graphs"]

PAIRS_PER_SHARD = 50
SHARES = (0.7, 0.1, 0.2)
TRADE = "facts (a, r, b) and (c, r, d) of four entities give the false (a, r, d) and (c, r, b), which no file may state"
DEGREES = ("head_out", "head_in", "tail_out", "tail_in", "head_out_asked", "tail_in_asked")
"""Columns of the table: degrees in the training graph, the last two counting facts of the asked relation only."""


class GraphSettings(Protocol):
    """The settings that determine the data; see ``[kg]`` of the configuration."""

    @property
    def dataset(self) -> str:
        """Name of a bundled data set."""
        ...

    @property
    def graph(self) -> Path | None:
        """The user's folder, in place of a bundled data set."""
        ...

    @property
    def inductive(self) -> Path | None:
        """A second folder: its train file is the graph and its test file the queries of the test split."""
        ...

    @property
    def graphs(self) -> int:
        """Most samples."""
        ...

    @property
    def hops(self) -> int:
        """Largest distance of a node from head and tail."""
        ...

    @property
    def max_nodes(self) -> int:
        """Most entities of a sample."""
        ...


@dataclass(frozen=True)
class Shard:
    """Some pairs of facts of one graph: 0 the graph itself, 1 the one that is tested on."""

    graph: int
    first: int
    count: int


def graph_files(settings: GraphSettings) -> list[dict[str, Path]]:
    """The files of the graph, and those of the graph that is tested on where there is another."""
    own = bundled_files(settings.dataset) if settings.graph is None else find_files(settings.graph)
    return [own] if settings.inductive is None else [own, find_files(settings.inductive)]


def open_graphs(settings: GraphSettings) -> tuple[KnowledgeGraph, ...]:
    """Reads the graph, and the one that is tested on where there is another; both have the first one's relations.

    Raises:
        DataError: If a file is missing or malformed.
    """
    files = graph_files(settings)
    first = read_graph(files[0], settings.dataset if settings.graph is None else settings.graph.absolute().name)
    graphs = [first]
    for more in files[1:]:
        name = more["train"].absolute().parent.name
        graphs.append(read_graph(more, name, relations=first.relations, place=files[0]["train"]))
    return tuple(graphs)


@dataclass(frozen=True)
class KgSource:
    """Makes the samples of a knowledge graph: four from each pair of facts whose tails change places.

    The training facts are the graph; the facts of valid and test are asked about. All facts among the four entities
    of a pair are hidden in its four samples, the fact that is asked about therefore too.

    Args:
        settings: The settings.
        seed: Seed of the pairs and of the nodes that are kept.
    """

    settings: GraphSettings
    seed: int

    @property
    def schema(self) -> Schema:
        """Relations are those of the training facts, in alphabetical order."""
        return kg_schema(self.graphs[0].relations, self.settings.hops)

    @property
    def split_shares(self) -> tuple[float, float, float]:
        """Shares of train, val and test in ``graphs``; each sample is pinned to the split of its facts."""
        return SHARES

    @cached_property
    def graphs(self) -> tuple[KnowledgeGraph, ...]:
        """The graph, and the one that is tested on where it is another."""
        return open_graphs(self.settings)

    @cached_property
    def swaps(self) -> tuple[Swaps, ...]:
        """The pairs of each graph.

        Raises:
            DataError: If the facts of a split give no pair.
        """
        train, val, test = (max(1, int(share * self.settings.graphs / 4)) for share in SHARES)
        limits = [(train, val, test)] if len(self.graphs) == 1 else [(train, val, 0), (0, 0, test)]
        pairs = tuple(swap_tails(g, most=most, seed=self.seed) for g, most in zip(self.graphs, limits, strict=True))
        for files, most, found in zip(graph_files(self.settings), limits, pairs, strict=True):
            for code, split in enumerate(FACT_SPLITS):
                if most[code] and not (found.split == code).any():
                    told = "expected two facts that can trade tails, found none"
                    raise DataError(told, file=files[split], hint=TRADE)
        return pairs

    @cached_property
    def _around(self) -> tuple[Neighbourhood, ...]:
        return tuple(Neighbourhood(graph.train, graph.num_entities) for graph in self.graphs)

    @cached_property
    def _degrees(self) -> tuple[_Degrees, ...]:
        return tuple(_Degrees(graph) for graph in self.graphs)

    def __reduce__(self) -> tuple[type[KgSource], tuple[GraphSettings, int]]:
        """Without what it has read: another process reads for itself."""
        return KgSource, (self.settings, self.seed)

    def key(self) -> dict[str, object]:
        """All that determines the content: settings, seed, and the hashes of the files that are read."""
        s = self.settings
        files = [{split: _file_hash(file) for split, file in each.items()} for each in graph_files(s)]
        sizes = {"most_graphs": s.graphs, "hops": s.hops, "max_nodes": s.max_nodes}
        return {"source": "kg", "code": code_hash(), "files": files, "seed": self.seed, **sizes}

    def shards(self) -> Sequence[Shard]:
        """The pairs of each graph in pieces."""
        return [
            Shard(number, first, min(PAIRS_PER_SHARD, len(swaps) - first))
            for number, swaps in enumerate(self.swaps)
            for first in range(0, len(swaps), PAIRS_PER_SHARD)
        ]

    def make(self, shard: Shard) -> list[Sample]:
        """Two true and two false samples of each pair."""
        graph, around = self.graphs[shard.graph], self._around[shard.graph]
        number = np.arange(shard.first, shard.first + shard.count)
        swaps = self.swaps[shard.graph].take(number)
        queries = Queries(
            head=swaps.head[:, [0, 1, 0, 1]].ravel(),
            relation=np.repeat(swaps.relation, 4),
            tail=swaps.tail[:, [0, 1, 1, 0]].ravel(),
            hidden=np.repeat(np.concatenate([swaps.head, swaps.tail], axis=1), 4, axis=0),
            draw=np.repeat(number, 4),
        )
        label = np.tile([1, 1, 0, 0], len(swaps))
        labelled = self._labels(shard.graph, swaps, queries, label)
        s = self.settings
        return make_samples(graph, around, queries, labelled, hops=s.hops, max_nodes=s.max_nodes, seed=self.seed)

    def _labels(self, number: int, swaps: Swaps, queries: Queries, label: npt.NDArray[np.int64]) -> Labelled:
        info, source, groups = [], [], []
        graph, degrees = self.graphs[number], self._degrees[number]
        columns = degrees.columns(queries)
        for row in range(len(queries)):
            code = int(swaps.split[row // 4])
            relation = graph.relations[queries.relation[row]]
            head, tail = graph.entities[queries.head[row]], graph.entities[queries.tail[row]]
            four = [graph.entities[number] for number in queries.hidden[row]]
            group = f"{FACT_SPLITS[code]}/{relation}/{'/'.join(four)}"  # not the folder's name, which may change
            described: Info = {
                "family": degrees.family[queries.relation[row]],
                "relation": relation,
                "pair": group,
                "split": SPLITS[code],
                **{name: int(column[row]) for name, column in columns.items()},
            }
            groups.append(group)
            info.append(described)
            source.append({"graph": number, "triple": [head, relation, tail], "entities": four})
        return Labelled(label, groups, info, source)


class _Degrees:
    """How often each entity occurs in the training facts, and of what kind each relation is."""

    def __init__(self, graph: KnowledgeGraph) -> None:
        facts, size = graph.train, graph.num_entities
        self._num_relations = graph.num_relations
        self._out = np.bincount(facts.head, minlength=size)
        self._in = np.bincount(facts.tail, minlength=size)
        self._out_of = _counts(facts.head, facts, graph)
        self._in_of = _counts(facts.tail, facts, graph)
        self.family = [
            _cardinality(facts.take(np.flatnonzero(facts.relation == r))) for r in range(graph.num_relations)
        ]

    def columns(self, queries: Queries) -> dict[str, npt.NDArray[np.int64]]:
        """The columns `DEGREES`, one row per query."""
        head, tail, relation = queries.head, queries.tail, queries.relation
        found = (
            self._out[head],
            self._in[head],
            self._out[tail],
            self._in[tail],
            _look_up(self._out_of, head * self._num_relations + relation),
            _look_up(self._in_of, tail * self._num_relations + relation),
        )
        return dict(zip(DEGREES, found, strict=True))


Counted = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


def _counts(end: npt.NDArray[np.int64], facts: Facts, graph: KnowledgeGraph) -> Counted:
    """The pairs of entity and relation that occur, as sorted numbers, and how often each does."""
    values, counts = np.unique(end * graph.num_relations + facts.relation, return_counts=True)
    return values, counts.astype(np.int64)


def _look_up(counted: Counted, key: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    values, counts = counted
    place = np.minimum(np.searchsorted(values, key), len(values) - 1)
    return np.where(values[place] == key, counts[place], 0)


def _cardinality(facts: Facts) -> str:
    """Whether a head has one tail or many (1.5 and more on average), and a tail one head or many."""
    tails = len(facts) / max(1, len(np.unique(facts.head)))
    heads = len(facts) / max(1, len(np.unique(facts.tail)))
    return f"{'N' if heads >= 1.5 else '1'}-{'N' if tails >= 1.5 else '1'}"


@lru_cache(maxsize=1)
def code_hash() -> str:
    """Hash of this package's own files: data that older code made is not taken for what this code would make."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def _file_hash(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()
