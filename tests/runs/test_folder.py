"""The run folder: where it is, how it is named and found, what is in it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from nsm.errors import RunError
from nsm.runs import (
    Run,
    create_run,
    discarding,
    ensure_writable,
    find_run,
    list_runs,
    resolve_root,
)


def finished_run(root: Path, name: str, age: float = 0.0) -> Run:
    run = create_run(root, "planning", name)
    run.config.write_text("")
    moment = time.time() - age
    os.utime(run.config, (moment, moment))
    return run


def test_the_root_is_the_given_one_then_the_environment_then_the_mount_then_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nsm.runs.folder.CLOUD_ROOT", tmp_path / "volume")
    monkeypatch.delenv("NSM_ROOT", raising=False)
    assert resolve_root() == Path("checkpoints")
    (tmp_path / "volume").mkdir()
    assert resolve_root() == tmp_path / "volume"
    monkeypatch.setenv("NSM_ROOT", "/from/environment")
    assert resolve_root() == Path("/from/environment")
    assert resolve_root(Path("/given")) == Path("/given")
    assert resolve_root(Path("~/x")) == Path.home() / "x"


def test_runs_without_a_name_never_collide(tmp_path: Path) -> None:
    names = {create_run(tmp_path, "planning").name for _ in range(50)}
    assert len(names) == 50
    assert all(folder.parent == tmp_path / "planning" / "runs" for folder in tmp_path.glob("planning/runs/*"))


def test_a_name_is_used_once(tmp_path: Path) -> None:
    run = create_run(tmp_path, "planning", "high_cycle_weight")
    assert run.folder == tmp_path / "planning" / "runs" / "high_cycle_weight"
    with pytest.raises(RunError, match="exists already"):
        create_run(tmp_path, "planning", "high_cycle_weight")


def test_a_root_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for folder in (file, file / "below", Path("/proc/nsm")):
        with pytest.raises(RunError, match="cannot write") as caught:
            ensure_writable(folder)
        assert caught.value.file == str(folder)
        assert "--root" in str(caught.value.hint)


def test_a_root_that_can_be_written_is_left_empty(tmp_path: Path) -> None:
    ensure_writable(tmp_path / "new" / "root")
    assert list((tmp_path / "new" / "root").iterdir()) == []


def test_finding_a_run_by_folder_name_and_beginning(tmp_path: Path) -> None:
    first, second = finished_run(tmp_path, "alpha", 10), finished_run(tmp_path, "alpine")
    assert list_runs(tmp_path) == [first, second]
    assert find_run(first.folder, tmp_path / "elsewhere") == first
    assert find_run("alpha", tmp_path) == first
    assert find_run("alpi", tmp_path) == second


def test_a_full_name_beats_a_longer_one_that_begins_like_it(tmp_path: Path) -> None:
    short = finished_run(tmp_path, "run")
    finished_run(tmp_path, "run2")
    assert find_run("run", tmp_path) == short


def test_a_run_that_cannot_be_found_tells_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no runs yet"):
        find_run("x", tmp_path)
    finished_run(tmp_path, "alpha")
    finished_run(tmp_path, "alpine")
    with pytest.raises(RunError, match=r"no run is called 'x' .*alpha, alpine"):
        find_run("x", tmp_path)
    with pytest.raises(RunError, match=r"2 runs are called 'al'"):
        find_run("al", tmp_path)


def test_a_run_that_fails_before_anything_is_learned_is_removed(tmp_path: Path) -> None:
    run = create_run(tmp_path, "planning", "a")
    with discarding(run):
        run.config.write_text("seed = 1\n")
    assert run.config.exists()
    with pytest.raises(KeyboardInterrupt), discarding(run):
        raise KeyboardInterrupt
    assert list(run.folder.parent.iterdir()) == []
    for number, name in enumerate(("history", "last")):
        run = create_run(tmp_path, "planning", str(number))
        getattr(run, name).touch()
        with pytest.raises(KeyError), discarding(run):
            raise KeyError
        assert list(run.folder.iterdir()) == [getattr(run, name)]


def test_the_history_grows_line_by_line(tmp_path: Path) -> None:
    run = create_run(tmp_path, "planning", "a")
    for epoch in (1, 2):
        run.append_history({"epoch": epoch})
    assert [json.loads(line) for line in run.history.read_text().splitlines()] == [{"epoch": 1}, {"epoch": 2}]


def test_a_line_of_history_that_was_being_written_does_not_count_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    run = create_run(tmp_path, "planning", "mine")
    run.append_history({"epoch": 1})
    with run.history.open("a") as stream:
        stream.write('{"epoch": 2, "val')
    assert run.read_history() == [{"epoch": 1}]
    run.history.write_text('{"epoch": 1}\nnot JSON\n{"epoch": 3}\n')
    with pytest.raises(RunError, match="expected a JSON object") as caught:
        run.read_history()
    assert caught.value.line == 2


def test_a_run_appears_with_its_configuration(tmp_path: Path) -> None:
    run = create_run(tmp_path, "planning", "mine", config="seed = 3\n")
    assert run.config.read_text() == "seed = 3\n"
    assert [path.name for path in run.folder.parent.iterdir()] == ["mine"]
    (tmp_path / "planning" / "runs" / ".killed.0123abcd").mkdir()
    (tmp_path / "planning" / "runs" / ".killed.0123abcd" / "config.toml").touch()
    assert list_runs(tmp_path) == [run]


def test_a_batch_kept_for_inspection_keeps_its_run(tmp_path: Path) -> None:
    run = create_run(tmp_path, "planning", "mine")
    run.bad_batch().touch()
    with pytest.raises(KeyError), discarding(run):
        raise KeyError
    assert run.bad_batch().exists()
    assert run.bad_batch(2).name == "bad_batch_2.pt"


def test_the_history_is_cut_back_as_a_whole(tmp_path: Path) -> None:
    run = create_run(tmp_path, "planning", "mine")
    run.rewrite_history([])
    assert not run.history.exists()
    for epoch in (1, 2, 3):
        run.append_history({"epoch": epoch})
    run.rewrite_history([{"epoch": 1}])
    assert run.read_history() == [{"epoch": 1}]
    run.rewrite_history([])
    assert run.read_history() == []


def test_checkpoints_are_listed_the_last_one_first_and_numbers_from_new_to_old(tmp_path: Path) -> None:
    run = create_run(tmp_path, "planning", "mine")
    assert run.checkpoints == []
    for path in (run.epoch_checkpoint(2), run.best, run.epoch_checkpoint(10), run.last):
        path.touch()
    assert run.checkpoints == [run.last, run.best, run.epoch_checkpoint(10), run.epoch_checkpoint(2)]
