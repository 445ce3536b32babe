"""Stories of kinship facts as samples."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from nsm.data.build import build_dataset
from nsm.data.kg.clutrr import ClutrrSource, read_stories
from nsm.errors import DataError
from tests.data.kg.stories import STEPS, story, write_stories


def test_a_story_as_a_sample(tmp_path: Path) -> None:
    source = ClutrrSource(write_stories(tmp_path), 0)
    schema = source.schema
    assert schema.relations == ("brother", "father", "mother", "sister")
    assert schema.labels == ("father", "grandfather", "grandmother", "mother")
    samples = source.make(source.shards()[0])
    assert len(samples) == 6
    test = samples[-1]
    test.check(schema)
    assert test.info == {"family": "stories", "length": 3, "split": "test"}
    assert [(t.head, t.relation, t.tail) for t in test.triples(schema)] == [
        ("person 0", "brother", "person 1"),
        ("person 1", "father", "person 2"),
        ("person 2", "mother", "person 3"),
    ]
    assert [schema.roles[role] for role in test.role] == ["head", "none", "none", "tail"]
    assert schema.labels[test.label] == "grandmother"
    assert test.evidence_triples == (0, 1, 2)


def test_validation_is_drawn_from_the_training_stories(tmp_path: Path) -> None:
    kinds = [f"kind {number}" for number in range(20)]
    rows = [story([one, other], "father") for one in kinds for other in kinds]
    folder = write_stories(tmp_path, [*rows, *(story([step[0]], "father") for step in STEPS)])
    splits = [one.split for one in read_stories(folder)]
    assert 15 < splits.count("val") < 80
    assert splits.count("test") == 1
    assert splits == [one.split for one in read_stories(folder)]


def test_a_data_set_of_stories(tmp_path: Path) -> None:
    source = pickle.loads(pickle.dumps(ClutrrSource(write_stories(tmp_path / "stories"), 0)))
    graphs = build_dataset(source, tmp_path / "cache")
    assert len(graphs) == 6
    assert np.bincount(graphs.splits, minlength=3)[2] == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"story_edges": "[(0, 1"}, "expected lists of edges and relations"),
        ({"edge_types": "['father']"}, "expected one relation per edge and two persons"),
        ({"query_edge": "(1, 1)"}, "expected one relation per edge and two persons"),
        ({"query_edge": "(1,)"}, "expected lists of edges and relations"),
    ],
)
def test_a_malformed_row(tmp_path: Path, changes: dict[str, str], message: str) -> None:
    right = story(["father", "father"], "grandfather")
    folder = write_stories(tmp_path, [right, {**right, **changes}])
    with pytest.raises(DataError, match=message) as caught:
        read_stories(folder)
    assert caught.value.file == str(folder / "1.2_train.csv")
    assert caught.value.line == 5  # each story's text takes two lines


def test_missing_files_and_columns(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected stories to train and to test on, found 0 files"):
        read_stories(tmp_path)
    folder = write_stories(tmp_path)
    (folder / "1.3_test.csv").write_text("id,story\n1,x\n")
    with pytest.raises(DataError, match="expected the column 'story_edges', got none"):
        read_stories(folder)
    (folder / "1.3_test.csv").write_bytes(b"id,story\xff\n")
    with pytest.raises(DataError, match="UTF-8"):
        read_stories(folder)


def test_a_test_story_with_an_unknown_relation(tmp_path: Path) -> None:
    folder = write_stories(tmp_path, [story(["father", "mother"], "grandmother")])
    with pytest.raises(DataError, match="got 'brother'") as caught:
        ClutrrSource(folder, 0).schema  # noqa: B018 - it is made when it is asked for
    assert caught.value.file == str(folder / "1.3_test.csv")


@pytest.mark.needs_shared
def test_the_published_stories(shared: Path) -> None:
    stories = read_stories(shared / "data" / "kg" / "clutrr")
    assert sum(one.split == "test" for one in stories) == 1048
    assert {len(one.edges) for one in stories if one.split != "test"} == {2, 3, 4}
    assert {len(one.edges) for one in stories if one.split == "test"} == set(range(2, 11))
