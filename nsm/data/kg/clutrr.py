"""CLUTRR: stories of kinship facts, and the question how two of their persons are related.

References:
    Sinha et al., CLUTRR: A Diagnostic Benchmark for Inductive Reasoning from Text, EMNLP 2019.
"""

from __future__ import annotations

import ast
import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np

from nsm.data.kg.samples import ROLES
from nsm.data.kg.source import code_hash
from nsm.data.triples import Sample, Schema
from nsm.errors import DataError

__all__ = ["ClutrrSource", "Story", "read_stories"]

COLUMNS = ("story_edges", "edge_types", "query_edge", "target")
STORIES_PER_SHARD = 500
VAL_SHARE = 0.1
HINT = "the folder holds CLUTRR's files *_train.csv and *_test.csv with the columns " + ", ".join(COLUMNS)


@dataclass(frozen=True)
class Story:
    """One row of a file.

    Args:
        edges: Pairs of persons, head first.
        relations: The relation of each pair.
        query: The two persons that are asked about.
        target: How they are related.
        split: ``train``, ``val`` or ``test``.
        place: File and line that it came from.
    """

    edges: tuple[tuple[int, int], ...]
    relations: tuple[str, ...]
    query: tuple[int, int]
    target: str
    split: str
    place: tuple[str, int]


def story_files(folder: Path) -> list[Path]:
    """The files of stories, sorted by name.

    Raises:
        DataError: If there are none to train or none to test on.
    """
    files = sorted(folder.glob("*_train.csv")) + sorted(folder.glob("*_test.csv"))
    if not {"train", "test"} <= {file.stem.rsplit("_", 1)[1] for file in files}:
        raise DataError(f"expected stories to train and to test on, found {len(files)} files", file=folder, hint=HINT)
    return files


def read_stories(folder: Path) -> list[Story]:
    """All stories; a tenth of those to train on, drawn by a hash of their content, are for validation.

    Raises:
        DataError: Naming the file and the line of what is malformed.
    """
    stories = []
    for file in story_files(folder):
        split = file.stem.rsplit("_", 1)[1]
        try:
            with file.open(encoding="utf-8", newline="") as lines:
                rows = csv.DictReader(lines)
                if missing := [name for name in COLUMNS if name not in (rows.fieldnames or [])]:
                    raise DataError(f"expected the column {missing[0]!r}, got none", file=file, line=1, hint=HINT)
                stories += [_story(row, split, file, rows.line_num) for row in rows]
        except UnicodeDecodeError as error:
            raise DataError("expected text in UTF-8", file=file, hint=HINT) from error
    return stories


def _story(row: dict[str, str], split: str, file: Path, line: int) -> Story:
    try:
        edges, relations, query = (ast.literal_eval(row[name]) for name in COLUMNS[:3])
        edges, query = tuple((int(head), int(tail)) for head, tail in edges), (int(query[0]), int(query[1]))
        relations = tuple(str(name) for name in relations)
    except (ValueError, TypeError, SyntaxError, IndexError) as error:
        raise DataError(f"expected lists of edges and relations: {error}", file=file, line=line, hint=HINT) from error
    if len(edges) != len(relations) or not edges or query[0] == query[1]:
        got = f"expected one relation per edge and two persons, got {row['edge_types']} for {row['story_edges']}"
        raise DataError(got, file=file, line=line, hint=HINT)
    if split == "train":
        content = json.dumps([edges, relations, query])
        drawn = int.from_bytes(sha256(content.encode()).digest()[:8], "little") / 2**64
        split = "val" if drawn < VAL_SHARE else "train"
    return Story(edges, relations, query, str(row["target"]), split, (file.name, line))


@dataclass(frozen=True)
class ClutrrSource:
    """Makes a sample of each story: persons are nodes, facts are triples, the label is how two of them are related.

    Args:
        folder: Folder with the files.
        seed: Not used, since the files fix the splits; kept with the data all the same.
    """

    folder: Path
    seed: int

    @cached_property
    def stories(self) -> list[Story]:
        """All stories, file by file."""
        return read_stories(self.folder)

    @property
    def schema(self) -> Schema:
        """Relations and labels are those of the training stories, in alphabetical order.

        Raises:
            DataError: If a test story has another one.
        """
        known = [story for story in self.stories if story.split != "test"]
        relations = sorted({name for story in known for name in story.relations})
        labels = sorted({story.target for story in known})
        for story in self.stories:
            strange = (set(story.relations) - set(relations)) | ({story.target} - set(labels))
            if strange:
                got = f"expected a relation of the training stories, got {min(strange)!r}"
                raise DataError(got, file=self.folder / story.place[0], line=story.place[1], hint=HINT)
        return Schema("kg", ("person",), ROLES, tuple(relations), tuple(labels), (), 0)

    @property
    def split_shares(self) -> tuple[float, float, float]:
        """Not used: each story is pinned to its split."""
        return 0.8, 0.1, 0.1

    def __reduce__(self) -> tuple[type[ClutrrSource], tuple[Path, int]]:
        """Without what it has read: another process reads for itself."""
        return ClutrrSource, (self.folder, self.seed)

    def key(self) -> dict[str, object]:
        """The hashes of the files."""
        files = {file.name: sha256(file.read_bytes()).hexdigest() for file in story_files(self.folder)}
        return {"source": "clutrr", "code": code_hash(), "files": files, "seed": self.seed}

    def shards(self) -> Sequence[range]:
        """Ranges of stories."""
        count = len(self.stories)
        return [range(first, min(first + STORIES_PER_SHARD, count)) for first in range(0, count, STORIES_PER_SHARD)]

    def make(self, shard: range) -> list[Sample]:
        """The samples of some stories."""
        schema = self.schema
        return [_sample(self.stories[number], schema, number) for number in shard]


def _sample(story: Story, schema: Schema, number: int) -> Sample:
    persons = sorted({person for pair in (*story.edges, story.query) for person in pair})
    place = {person: node for node, person in enumerate(persons)}
    role = np.zeros(len(persons), np.int64)
    role[place[story.query[0]]], role[place[story.query[1]]] = ROLES.index("head"), ROLES.index("tail")
    return Sample(
        node_type=np.zeros(len(persons), np.int64),
        role=role,
        order=np.full(len(persons), -1),
        value=np.empty((len(persons), 0), np.float32),
        head=np.array([place[head] for head, _ in story.edges]),
        relation=np.array([schema.relations.index(name) for name in story.relations]),
        tail=np.array([place[tail] for _, tail in story.edges]),
        label=schema.labels.index(story.target),
        group=f"story {number}",
        names=[f"person {person}" for person in persons],
        evidence_triples=tuple(range(len(story.edges))),
        info={"family": "stories", "length": len(story.edges), "split": story.split},
        source=json.dumps(story.place),
    )
