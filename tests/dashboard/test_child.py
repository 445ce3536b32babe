"""A child runs the same NSM in a session of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nsm.dashboard.child import launch


def test_what_it_says_goes_into_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as a kernel does
    with (tmp_path / "log").open("ab") as stream:
        process = launch(["nsm", "--help"], into=stream)
    assert process.wait(120) == 0
    said = (tmp_path / "log").read_text()
    assert "train" in said and "\x1b" not in said


def test_it_is_spoken_to_through_pipes_and_hears_no_interrupt_of_ours() -> None:
    process = launch(["json.tool"])
    assert os.getsid(process.pid) == process.pid != os.getsid(0)
    said, _ = process.communicate(b"[1]", timeout=120)
    assert said.split() == [b"[", b"1", b"]"]
