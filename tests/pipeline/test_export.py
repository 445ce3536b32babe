"""An export holds what others need, opens safely, and says nothing of the machine."""

from __future__ import annotations

import io
import json
import tomllib
import zipfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from nsm import pipeline
from nsm.errors import RunError
from nsm.runs import Run, write_text
from tests.analysis.made_runs import add_history, end, evaluate_as, make_run

SECRET = "postgresql://ada:secret@db/x"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = make_run(tmp_path / "my root", "a", cache=tmp_path / "ca che", provenance={"note": SECRET})
    add_history(run, 3)
    end(run)
    evaluate_as(run, np.arange(20) > 3, per_class={}, place=f"{run.folder}/x")
    (run.folder / "best_model.pt").write_bytes(b"pickle")
    write_text(run.report, f"<html>{run.folder} data:image/png;base64,/tmp/abc/{'A' * 8}</html>")
    return run


def test_what_is_in_it(run: Run, tmp_path: Path) -> None:
    result = pipeline.export(run, tmp_path / "out" / "a.zip")
    with zipfile.ZipFile(result.file) as archive:
        assert archive.testzip() is None
        names = {name.removeprefix("a/") for name in archive.namelist()}
        contents = {name.removeprefix("a/"): archive.read(name) for name in archive.namelist()}
    assert names == set(result.entries)
    assert names >= {"config.toml", "environment.json", "history.jsonl", "final_results.json", "predictions.parquet"}
    assert names >= {"report.html", "figures/confusion.png", "figures/confusion.svg", "figures/training_curves.svg"}
    assert not [name for name in names if name.endswith((".pt", ".pkl")) or name.startswith(("/", ".."))]
    assert result.missing == []
    assert tomllib.loads(contents["config.toml"].decode())["root"] == "my root"
    assert json.loads(contents["final_results.json"])["place"] == "x"
    assert json.loads(contents["environment.json"])["exported_with"]["packages"]["torch"]
    table = pq.read_table(io.BytesIO(contents["predictions.parquet"]))
    assert table.column("label").to_pylist() == [0, 1] * 10
    assert b"data:image/png;base64,/tmp/abc/AAAAAAAA" in contents["report.html"]


def test_nothing_of_the_machine_is_in_it(run: Run, tmp_path: Path) -> None:
    file = pipeline.export(run, tmp_path / "a.zip").file
    with zipfile.ZipFile(file) as archive:
        whole = b"".join(archive.read(name) for name in archive.namelist() if not name.endswith("png"))
    for secret in (str(tmp_path), str(Path.cwd()), "secret"):
        assert secret.encode() not in whole


def test_the_same_files_give_the_same_bytes(run: Run, tmp_path: Path) -> None:
    first, second = (pipeline.export(run, tmp_path / name).file.read_bytes() for name in ("a.zip", "b.zip"))
    assert first == second


def test_a_run_without_an_evaluation_tells_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path / "root", "bare")
    monkeypatch.chdir(tmp_path)
    result = pipeline.export("bare", root=tmp_path / "root")
    assert result.file == Path("bare.zip") and result.file.is_file()
    assert set(result.entries) == {"config.toml", "environment.json"}
    assert result.missing == [
        "history: nothing was learned yet; nsm train planning",
        f"evaluation: there is none yet; nsm evaluate {run.folder}",
    ]
    add_history(run, 2)
    assert "figures/training_curves.png" in pipeline.export(run, tmp_path / "b.zip").entries


def test_a_failure_leaves_no_file_and_the_old_one_whole(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "a.zip"
    target.write_bytes(b"old")
    run.predictions.write_bytes(b"damaged")
    with pytest.raises(RunError, match="predictions are damaged"):
        pipeline.export(run, target)
    assert target.read_bytes() == b"old"
    with pytest.raises(RunError, match="expected a file for the zip"):
        pipeline.export(run, tmp_path)
    assert not list(tmp_path.glob(".a.zip*"))


@pytest.mark.parametrize("name", ["history.jsonl", "training_history.json", "report.html"])
def test_a_file_that_is_no_text_is_named(run: Run, tmp_path: Path, name: str) -> None:
    with (run.folder / name).open("ab") as stream:
        stream.write(b"\xff\xfe\n")
    with pytest.raises(RunError, match="UTF-8") as caught:
        pipeline.export(run, tmp_path / "a.zip")
    assert caught.value.file == str(run.folder / name)
    assert not (tmp_path / "a.zip").exists()
