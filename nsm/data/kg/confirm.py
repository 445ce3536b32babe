"""Confirms labels with code that shares nothing with what made them: plain sets over the lines of the files."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nsm.data.kg.samples import ABOUT, ASKED

if TYPE_CHECKING:
    from nsm.data.packed import PackedGraphs
    from nsm.data.triples import Sample

__all__ = ["confirmed_share", "confirmed_stories", "crossing_entities"]

Fact = tuple[str, str, str]


def confirmed_share(graphs: PackedGraphs, files: Sequence[Mapping[str, Path]]) -> float:
    """Share of the samples whose label is that of the files and whose graph shows nothing that it should not.

    A true triple stands in a file, a false one in none; what the graph shows are training facts; and none of them
    connects two of the four entities whose tails were swapped.

    Args:
        graphs: The samples, with the triples in their sources.
        files: The files of each graph, by the number that the sources give.
    """
    shown = [_facts(each["train"]) for each in files]
    known = [set().union(*map(_facts, each.values())) for each in files]
    relations = {relation.removesuffix(" (fact)") for relation in graphs.schema.relations} - {ABOUT, ASKED}
    agreed = 0
    for position in range(len(graphs)):
        sample = graphs.sample(position)
        source = json.loads(sample.source)
        is_true = tuple(source["triple"]) in known[source["graph"]]
        facts = _shown(sample, graphs.schema.relations, relations)
        four = set(source["entities"])
        is_clean = facts <= shown[source["graph"]] and not any(h in four and t in four for h, _, t in facts)
        agreed += is_clean and is_true == (graphs.schema.labels[sample.label] == "true")
    return agreed / len(graphs)


def crossing_entities(graphs: PackedGraphs) -> int:
    """Number of entities in the test split that are in another one too, which an inductive protocol forbids."""
    seen: list[set[str]] = [set(), set(), set()]
    for split, names in zip(graphs.splits.tolist(), graphs.names(), strict=True):
        seen[split].update(names[:-1])  # the last node is the question
    return len(seen[2] & (seen[0] | seen[1]))


def _shown(sample: Sample, relations: tuple[str, ...], of_facts: set[str]) -> set[Fact]:
    """The facts that a graph shows, whatever edge shows them."""
    question = sample.num_nodes - 1
    asked = json.loads(sample.source)["triple"][1]
    facts = set()
    for head, relation, tail in zip(sample.head.tolist(), sample.relation.tolist(), sample.tail.tolist(), strict=True):
        name = relations[relation].removesuffix(" (fact)")
        if question not in (head, tail):
            facts.add((sample.names[head], name if name in of_facts else asked, sample.names[tail]))
    return facts


def _facts(file: Path) -> set[Fact]:
    """The triples of a file, read as plain lines."""
    with file.open(encoding="utf-8-sig", newline="\n") as lines:
        cells = (line.rstrip("\r\n").split("\t") for line in lines)
        return {(cell[0], cell[1], cell[2]) for cell in cells if len(cell) > 1}


def confirmed_stories(graphs: PackedGraphs, folder: Path) -> float:
    """Share of the stories whose label, facts and question are those of the row that they name.

    Args:
        graphs: Stories of CLUTRR, with file and line in their sources.
        folder: Folder with the files.
    """
    rows: dict[tuple[str, int], dict[str, str]] = {}
    for file in folder.glob("*.csv"):
        with file.open(encoding="utf-8", newline="") as lines:
            reader = csv.DictReader(lines)
            for row in reader:
                rows[file.name, reader.line_num] = row
    agreed = 0
    for position in range(len(graphs)):
        sample, schema = graphs.sample(position), graphs.schema
        row = rows[tuple(json.loads(sample.source))]
        pairs = re.findall(r"\d+, \d+", row["story_edges"])
        told = {(pair, name) for pair, name in zip(pairs, re.findall(r"[\w-]+", row["edge_types"]), strict=True)}
        person = [name.removeprefix("person ") for name in sample.names]
        triples = zip(sample.head.tolist(), sample.relation.tolist(), sample.tail.tolist(), strict=True)
        shown = {(f"{person[head]}, {person[tail]}", schema.relations[name]) for head, name, tail in triples}
        asked = [person[int(np.flatnonzero(sample.role == schema.roles.index(end))[0])] for end in ("head", "tail")]
        is_asked = ", ".join(asked) == row["query_edge"].strip("()")
        agreed += shown == told and is_asked and schema.labels[sample.label] == row["target"]
    return agreed / len(graphs)
