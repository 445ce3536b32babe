"""A small knowledge graph: kinds of entities, relations between kinds, some facts left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nsm.data.kg.graph import Facts, KnowledgeGraph
from nsm.data.kg.reading import find_files, read_graph

Triple = tuple[str, str, str]


@dataclass(frozen=True)
class ToySettings:
    """The settings of a source, with a folder in place of a bundled graph."""

    graph: Path | None
    inductive: Path | None = None
    dataset: str = "umls"
    graphs: int = 4000
    hops: int = 2
    max_nodes: int = 12


def toy_triples(prefix: str = "e", seed: int = 0, size: int = 24) -> list[Triple]:
    """Entities of four kinds; ``likes`` and ``helps`` hold within pairs of kinds, ``knows`` at random."""
    rng = np.random.default_rng(seed)
    triples = []
    for head in range(size):
        for tail in range(size):
            if head == tail:
                continue
            if (head % 4, tail % 4) in {(0, 1), (2, 3)} and rng.random() < 0.6:
                triples.append((f"{prefix}{head}", "likes", f"{prefix}{tail}"))
            if (head % 4, tail % 4) in {(0, 2), (1, 3)} and rng.random() < 0.5:
                triples.append((f"{prefix}{head}", "helps", f"{prefix}{tail}"))
            if rng.random() < 0.1:
                triples.append((f"{prefix}{head}", "knows", f"{prefix}{tail}"))
    return triples


def write_graph(folder: Path, triples: list[Triple], seed: int = 0, suffix: str = ".txt") -> Path:
    """Writes the triples into train (80 %), valid and test; every relation has training facts."""
    folder.mkdir(parents=True, exist_ok=True)
    order = np.random.default_rng(seed).permutation(len(triples))
    bounds = {"train": (0.0, 0.8), "valid": (0.8, 0.9), "test": (0.9, 1.0)}
    for split, (low, high) in bounds.items():
        chosen = order[int(low * len(order)) : int(high * len(order))]
        text = "".join("\t".join(triples[number]) + "\n" for number in chosen)
        (folder / f"{split}{suffix}").write_text(text, encoding="utf-8")
    return folder


def toy_folder(folder: Path, prefix: str = "e", seed: int = 0) -> Path:
    """A folder with the toy graph."""
    return write_graph(folder, toy_triples(prefix, seed), seed)


def toy_graph(folder: Path, seed: int = 0) -> KnowledgeGraph:
    """The toy graph, read."""
    return read_graph(find_files(toy_folder(folder, seed=seed)), "toy")


def random_facts(rng: np.random.Generator, num_entities: int, num_relations: int, count: int) -> Facts:
    """Distinct random facts, self-loops and parallel facts among them, with random confidences."""
    key = np.unique(rng.integers(0, num_entities * num_relations * num_entities, count))
    head, rest = key // (num_relations * num_entities), key % (num_relations * num_entities)
    return Facts(head, rest // num_entities, rest % num_entities, rng.random(len(key)).astype(np.float32))
