"""A child runs the same NSM in a session of its own."""

from __future__ import annotations

import os
from pathlib import Path

from nsm.dashboard.child import launch


def test_what_it_says_goes_into_a_file(tmp_path: Path) -> None:
    with (tmp_path / "log").open("ab") as stream:
        process = launch(["nsm", "--help"], into=stream)
    assert process.wait(120) == 0
    assert "train" in (tmp_path / "log").read_text()


def test_it_is_spoken_to_through_pipes_and_hears_no_interrupt_of_ours() -> None:
    process = launch(["json.tool"])
    assert os.getsid(process.pid) == process.pid != os.getsid(0)
    said, _ = process.communicate(b"[1]", timeout=120)
    assert said.split() == [b"[", b"1", b"]"]
