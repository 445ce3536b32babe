"""Time and memory of reading knowledge graphs and of making the subgraphs around their facts.

python benchmarks/subgraphs.py                 UMLS, and a million facts about 100,000 entities
python benchmarks/subgraphs.py --json          the same as one JSON object

The exit status is 1 over the budget.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from nsm.data.kg.bundled import bundled_files
from nsm.data.kg.extraction import Neighbourhood, Queries, extract
from nsm.data.kg.graph import KnowledgeGraph
from nsm.data.kg.reading import find_files, read_graph
from nsm.data.kg.source import KgSource
from timing import circumstances, listed

ENTITIES, FACTS, RELATIONS = 100_000, 1_000_000, 50
GIGABYTES = 2.0


@dataclass(frozen=True)
class Settings:
    """The settings of ``nsm audit kg``, with more graphs."""

    dataset: str = "umls"
    graph: Path | None = None
    inductive: Path | None = None
    graphs: int = 6_000
    hops: int = 2
    max_nodes: int = 12


def write_facts(folder: Path, hubs: bool) -> None:
    """Random facts; with hubs, the heads of most of them are a few entities."""
    rng = np.random.default_rng(0)
    for split, count in (("train", FACTS), ("valid", 1_000), ("test", 1_000)):
        head = rng.integers(0, ENTITIES, count)
        if hubs:
            head = np.minimum((3 * rng.pareto(0.8, count)).astype(np.int64), ENTITIES - 1)
        tail, relation = rng.integers(0, ENTITIES, count), rng.integers(0, RELATIONS, count)
        rows = zip(head.tolist(), relation.tolist(), tail.tolist(), strict=True)
        text = "".join(f"entity {h}\tr{r}\tentity {t}\n" for h, r, t in rows)
        (folder / f"{split}.tsv").write_text(text, encoding="utf-8")


def samples_of_umls() -> int:
    """The first 2,000 samples of UMLS, with reading and pairing."""
    source, made = KgSource(Settings(), 0), 0
    for shard in source.shards():
        made += len(source.make(shard))
        if made >= 2_000:
            break
    return made


def subgraphs(graph: KnowledgeGraph, hops: int) -> int:
    """The subgraphs around 1,000 facts, with the arrangement of the graph."""
    facts = graph.train.take(np.random.default_rng(0).permutation(len(graph.train))[:1_000])
    hidden = np.stack([facts.head, facts.tail], axis=1)
    queries = Queries(facts.head, facts.relation, facts.tail, hidden, np.arange(len(facts)))
    around = Neighbourhood(graph.train, graph.num_entities)
    return len(extract(around, queries, hops=hops, max_nodes=32).node)


def timed(name: str, seconds: float, work: Callable[[], object]) -> dict[str, object]:
    """Processor time of one piece of work, beside its budget."""
    began = time.process_time()
    work()
    return {"what": name, "processor": round(time.process_time() - began, 2), "budget": seconds}


def large(name: str, *, hubs: bool) -> list[dict[str, object]]:
    """Reading a large graph, and subgraphs of it."""
    with tempfile.TemporaryDirectory() as place:
        write_facts(Path(place), hubs)
        files = find_files(Path(place))
        graphs: list[KnowledgeGraph] = []
        reading = timed(f"reading {name}", 30.0, lambda: graphs.append(read_graph(files, "large")))
    rows = [
        timed(f"1,000 subgraphs of {name}, {hops} hops", 30.0, partial(subgraphs, graphs[0], hops)) for hops in (2, 3)
    ]
    return [reading, *rows]


def main() -> int:
    """Measures, prints and compares with the budget."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    read_graph(bundled_files("nations"), "nations")  # the imports do not count
    rows = [timed("2,000 samples of UMLS", 5.0, samples_of_umls)]
    rows += large("a million facts", hubs=False) + large("a million facts with hubs", hubs=True)
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    memory = f"{gigabytes:.2f} GB at most, of {GIGABYTES:g} allowed"
    about = circumstances(["numpy", "pyarrow", "pykeen"], memory=memory)
    if as_json:
        print(json.dumps({**about, "rows": rows, "gigabytes": gigabytes}))
    else:
        print("\n".join([*listed(about), "", "| what | processor, s | budget, s |", "|---|---:|---:|"]))
        print("\n".join(f"| {row['what']} | {row['processor']} | {row['budget']} |" for row in rows))
    return int(gigabytes > GIGABYTES or any(float(str(row["processor"])) > float(str(row["budget"])) for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
