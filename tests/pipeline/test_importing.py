"""From tables to a run: imported data are audited, trained on and evaluated like any other."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from nsm import pipeline
from nsm.config import Config, load_config
from nsm.errors import CheckpointError, ConfigError, DataError
from nsm.pipeline.datasets import default_dataset_name
from nsm.pipeline.domains import open_task


def write_tables(folder: Path, count: int = 40, leak: bool = False, splits: bool = False) -> tuple[Path, Path]:
    """Rings of friends; the label is drawn, and an edge may tell it."""
    random = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    triples, labels = folder / "triples.csv", folder / "labels.csv"
    with triples.open("w", newline="") as t, labels.open("w", newline="") as about:
        rows, names = csv.writer(t), csv.writer(about)
        rows.writerow(["graph", "head", "relation", "tail", "confidence"])
        names.writerow(["graph", "label", "split"] if splits else ["graph", "label"])
        for graph in range(count):
            size, label = int(random.integers(3, 7)), int(random.integers(2))
            for node in range(size):
                rows.writerow([graph, node, "knows", (node + 1) % size, round(float(random.random()), 3)])
            if leak and label:
                rows.writerow([graph, 0, "leak", 1, 1])
            split = ("train", "train", "val", "test")[graph % 4]
            names.writerow([graph, "yes" if label else "no", split] if splits else [graph, "yes" if label else "no"])
    return triples, labels


@pytest.fixture
def imported(tmp_path: Path) -> Path:
    triples, labels = write_tables(tmp_path / "tables")
    result = pipeline.import_tables(triples, labels=labels, name="friends", root=tmp_path / "root", quiet=True)
    assert result.graphs.folder == tmp_path / "root" / "data" / "friends"
    return result.graphs.folder


def config_for(folder: Path, root: Path, **keywords: object) -> Config:
    small = {"channels": 8, "num_levels": 2, "blocks": 1, "epochs": 1, "accelerator": "cpu"}
    return load_config(None, [], domain="own", own={"data": folder}, root=root, **small, **keywords)


def test_what_is_told(imported: Path, tmp_path: Path) -> None:
    result = pipeline.import_tables(
        tmp_path / "tables" / "triples.csv", labels=tmp_path / "tables" / "labels.csv", name="friends",
        folder=imported, quiet=True,
    )  # fmt: skip
    told = result.to_json()
    assert told["folder"] == str(imported)
    assert told["graphs"] == sum(told["labels"].values()) == sum(told["splits"].values()) == 40
    assert list(told["splits"]) == ["train", "val", "test"]
    assert told["name"] == "friends"
    assert f"nsm train --data {imported}" in result.to_text()


def test_what_was_left_out_is_told(tmp_path: Path) -> None:
    rows = ["graph,head,relation,tail,label,note,"]
    rows += [f"g{i},a,r{i % 2},b{i},{'no' if i == 4 else 'yes'},," for i in range(5)]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    text = pipeline.import_tables(tmp_path / "t.csv", folder=tmp_path / "out", quiet=True).to_text()
    assert "left out  1 graphs: without names they are like another one, with the same label" in text
    assert "left out  3 graphs: without names they are like another one, with another label" in text
    assert "ignored   columns of the triples: note, one without a name" in text


def test_train_and_evaluate(imported: Path, tmp_path: Path) -> None:
    config = config_for(imported, tmp_path / "root", run="one")
    result = pipeline.train(config, quiet=True)
    assert result.run.folder == tmp_path / "root" / "own" / "runs" / "one"
    assert (tmp_path / "root" / "own" / "friends" / "best_model.pt").is_file()
    assert load_config(result.run.config).own.data == imported
    figures = pipeline.evaluate(result.run, quiet=True).figures
    assert figures["samples"] == len(pipeline.load_graphs(config).subset("test"))
    assert {"ceiling": figures["ceiling"], "by_family": figures.get("by_family")} == {
        "ceiling": None,
        "by_family": None,
    }


def test_data_that_were_moved_are_found_where_they_are_now(imported: Path, tmp_path: Path) -> None:
    run = pipeline.train(config_for(imported, tmp_path / "root"), quiet=True).run
    imported.rename(tmp_path / "moved")
    with pytest.raises(DataError, match="does not exist"):
        pipeline.evaluate(run, quiet=True)
    assert pipeline.evaluate(run, data=tmp_path / "moved", quiet=True).figures["samples"] > 0


def test_other_data_in_the_same_place_are_noticed(imported: Path, tmp_path: Path) -> None:
    run = pipeline.train(config_for(imported, tmp_path / "root"), quiet=True).run
    imported.rename(tmp_path / "before")
    triples, labels = write_tables(tmp_path / "others", count=50)
    pipeline.import_tables(triples, labels=labels, folder=imported, quiet=True)
    with pytest.raises(CheckpointError, match="not those that it was trained on"):
        pipeline.evaluate(run, quiet=True)


def test_an_edge_that_is_the_label_is_named_and_refused(tmp_path: Path) -> None:
    triples, labels = write_tables(tmp_path / "tables", count=520, leak=True)
    folder = pipeline.import_tables(triples, labels=labels, folder=tmp_path / "leaky", quiet=True).graphs.folder
    config = config_for(folder, tmp_path / "root")
    result = pipeline.audit(config, quiet=True)
    assert (result.verdict, result.confirmed, result.local_probe) == ("fail", None, None)
    assert "relation leak is there exactly where the label is 'yes'" in result.reasons
    with pytest.raises(DataError, match="the audit fails: relation leak") as caught:
        pipeline.train(config, quiet=True)
    assert "--allow-leaks" in str(caught.value.hint)
    allowed = config.model_copy(update={"own": config.own.model_copy(update={"allow_leaks": True})})
    assert pipeline.train(allowed, quiet=True).epochs == 1


def test_names_in_two_splits_fail_only_where_they_must_not_be(tmp_path: Path) -> None:
    triples, labels = write_tables(tmp_path / "tables", splits=True)
    verdicts = {}
    for inductive in (False, True):
        folder = tmp_path / f"inductive {inductive}"
        pipeline.import_tables(triples, labels=labels, folder=folder, inductive=inductive, quiet=True)
        verdicts[inductive] = pipeline.audit(config_for(folder, tmp_path / "root"), quiet=True)
    assert (verdicts[False].verdict, verdicts[False].shared_entities) == ("inconclusive", None)
    assert (verdicts[True].verdict, verdicts[True].shared_entities) == ("fail", 6)
    assert "6 entities are in more than one split" in verdicts[True].reasons


def test_the_domain_needs_a_folder_that_was_imported(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"own\.data: expected a folder") as caught:
        open_task(load_config(None, [], domain="own"))
    assert "--data FOLDER" in str(caught.value.hint)
    for folder, said in ((tmp_path / "none", "does not exist"), (tmp_path, "no imported data")):
        with pytest.raises(DataError, match=said):
            pipeline.load_graphs(config_for(folder, tmp_path))


def test_nothing_else_is_written_over(imported: Path, tmp_path: Path) -> None:
    triples, labels = write_tables(tmp_path / "others", count=50)
    before = pipeline.load_graphs(config_for(imported, tmp_path)).fingerprint
    for seed, tables in ((0, "others"), (1, "tables")):
        with pytest.raises(DataError, match="something else already"):
            pipeline.import_tables(
                tmp_path / tables / triples.name, labels=tmp_path / tables / labels.name, name="friends",
                folder=imported, seed=seed, quiet=True,
            )  # fmt: skip
    assert pipeline.load_graphs(config_for(imported, tmp_path)).fingerprint == before


def test_the_user_brings_the_data_so_none_is_the_default() -> None:
    assert default_dataset_name("own") is None
