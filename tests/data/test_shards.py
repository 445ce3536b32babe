"""Shards made by several processes are those made by one, and a failure arrives as it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from nsm.data.packing import pack_samples
from nsm.data.shards import make_parts
from nsm.errors import DataError
from tests.data.odd_source import SCHEMA, OddSource, odd_sample


def test_a_part_comes_back_from_its_file(tmp_path: Path) -> None:
    parts = make_parts(OddSource(count=15), tmp_path, 0, None)
    assert len(parts) == 2
    expected = pack_samples(SCHEMA, [odd_sample(number) for number in range(10, 15)])
    part = parts[1].load()
    assert part.table.equals(expected.table)
    for name, array in expected.arrays.items():
        assert np.array_equal(part.arrays[name], array), name
    assert parts[1].columns()["label"].tolist() == expected.arrays["label"].tolist()
    assert parts[1].table(["group"]).column_names == ["group"]
    assert parts[1].column_names() == expected.table.column_names


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    make_parts(OddSource(count=25), tmp_path, 0, lambda *step: told.append(step))
    assert told == [(done, 3, "making graphs") for done in range(4)]


def test_a_failing_shard_raises_its_own_error_from_another_process(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        make_parts(OddSource(fault="error"), tmp_path, 1, None)
    assert (caught.value.file, caught.value.line, caught.value.hint) == ("facts.tsv", 7, "correct it")


def test_a_process_that_dies_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has died"):
        make_parts(OddSource(fault="die"), tmp_path, 1, None)


MAKE = """import sys
from pathlib import Path
from nsm.data.shards import make_parts
from tests.data.odd_source import OddSource
if __name__ == "__main__":
    make_parts(OddSource(count=10_000), Path(sys.argv[1]), 2, None)
"""


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.3])
def test_an_interrupt_in_the_first_seconds_is_told_once(tmp_path: Path, delay: float) -> None:
    """The processes that make graphs have not begun yet: they end without a word."""
    (tmp_path / "make.py").write_text(MAKE)
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, sys.path)])
    }
    command = [sys.executable, str(tmp_path / "make.py"), str(tmp_path)]
    maker = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True)
    while not any("spawn_main" in " ".join(child.cmdline()) for child in psutil.Process(maker.pid).children()):
        assert maker.poll() is None
        time.sleep(0.01)
    time.sleep(delay)
    os.killpg(maker.pid, signal.SIGINT)
    said = maker.communicate(timeout=120)[1]
    assert said.count("Traceback (most recent call last)") == 1, said
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert "spawn_main" not in said
