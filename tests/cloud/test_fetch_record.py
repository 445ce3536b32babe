from __future__ import annotations

import os
from pathlib import Path

from nsm.cloud.fetch_record import FetchRecord, is_here, look
from nsm.cloud.storage import RemoteFile

FILE = RemoteFile("causal/runs/a/history.jsonl", 3, 100)


def come(root: Path) -> Path:
    place = root / FILE.path
    place.parent.mkdir(parents=True)
    place.write_bytes(b"abc")
    os.utime(place, (100, 100))
    return place


def test_it_remembers_what_came_and_sees_what_was_changed(tmp_path: Path) -> None:
    place = come(tmp_path)
    assert not FetchRecord(tmp_path).knows(FILE) and not FetchRecord(tmp_path).is_untouched(FILE.path)
    FetchRecord(tmp_path).note(FILE)
    record = FetchRecord(tmp_path)
    assert record.knows(FILE) and record.was_fetched(FILE.path) and record.is_untouched(FILE.path)
    assert not record.knows(RemoteFile(FILE.path, 3, 101)) and not record.knows(RemoteFile(FILE.path, 4, 100))
    os.utime(place, ns=(0, 100 * 10**9 + 1))
    assert not record.is_untouched(FILE.path)
    place.unlink()
    assert record.was_fetched(FILE.path) and not record.is_untouched(FILE.path)


def test_a_torn_line_is_no_line(tmp_path: Path) -> None:
    FetchRecord(tmp_path).note(FILE)
    with (tmp_path / ".fetched.jsonl").open("a") as stream:
        stream.write('\n["causal/runs/a/last.pt", 7')
    other = RemoteFile("causal/best_model.pt", 1, 1)
    FetchRecord(tmp_path).note(other)
    record = FetchRecord(tmp_path)
    assert record.knows(FILE) and record.knows(other) and not record.was_fetched("causal/runs/a/last.pt")


def test_a_file_is_here_with_the_same_size_and_second(tmp_path: Path) -> None:
    place = come(tmp_path)
    assert look(place) == (3, 100 * 10**9) and look(tmp_path) is None
    assert is_here(FILE, place) and not is_here(RemoteFile(FILE.path, 3, 99), place)
    assert not is_here(RemoteFile(FILE.path, 2, 100), place) and not is_here(FILE, tmp_path / "none")
