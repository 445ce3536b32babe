from __future__ import annotations

import hashlib
from pathlib import Path

from nsm.cloud.checksums import read_sums, sums_file, write_sums
from nsm.runs import Run
from tests.cloud.memory import MemoryStorage

RUN = "causal/runs/night"
SUMS = "launches/night/causal.sha256"


def test_files_without_a_checksum_of_their_own_get_one(tmp_path: Path) -> None:
    run = Run(tmp_path / RUN)
    write_sums(tmp_path, run)
    assert not (tmp_path / SUMS).exists()
    for folder in (run.tensorboard, run.figures):
        folder.mkdir(parents=True)
    for path in (
        run.config,
        run.figures / "x",
        run.tensorboard / "y",
        run.last,
        run.best,
        run.epoch_checkpoint(3),
        run.lock,
        run.stop,
    ):
        path.write_bytes(path.name.encode())
    write_sums(tmp_path, run)
    told = [hashlib.sha256(name).hexdigest() for name in (b"config.toml", b"x")]
    assert sums_file(RUN) == SUMS
    assert (tmp_path / SUMS).read_text() == f"{told[0]}  {RUN}/config.toml\n{told[1]}  {RUN}/figures/x\n"


def test_the_sum_of_a_file_that_was_written_later_does_not_count() -> None:
    names = [f"{RUN}/config.toml", f"{RUN}/history.jsonl"]
    text = "".join(f"{number}  {name}\n" for number, name in enumerate((*names, f"{RUN}/gone")))
    storage = MemoryStorage({SUMS: text.encode(), names[0]: b"", names[1]: b""}, {SUMS: 5, names[0]: 5, names[1]: 6})
    files = {file.path: file for file in storage.files("")}
    assert read_sums(storage, files, [RUN, "causal/runs/other"]) == {names[0]: "0"}
