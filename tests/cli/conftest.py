"""The toy domain of the pipeline's tests, behind the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nsm.cli.main import main
from nsm.config import Config
from tests.pipeline.conftest import _toy_domain, toy_config

__all__ = ["_toy_domain", "toy_config"]

Command = Callable[..., tuple[int, str, str]]
JsonCommand = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def nsm(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command in this process; gives its exit status, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        captured = capsys.readouterr()
        assert isinstance(caught.value.code, int)
        return caught.value.code, captured.out, captured.err

    return run


@pytest.fixture
def nsm_json(nsm: Command) -> JsonCommand:
    """Runs a command with ``--json``; gives its exit status and the only object on standard output."""

    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        status, out, _ = nsm(*arguments, "--json")
        assert out.count("\n") == 1
        told = json.loads(out)
        assert isinstance(told, dict)
        return status, told

    return run


@pytest.fixture
def settings(tmp_path: Path, toy_config: Config) -> Path:
    """A configuration of a training that takes a second, on data that is built and audited already."""
    file = tmp_path / "small.toml"
    file.write_text(
        "epochs = 2\nbatch_size = 16\nchannels = 8\nnum_levels = 2\nblocks = 1\naccelerator = 'cpu'\nworkers = 0\n"
        f"root = '{tmp_path / 'root'}'\ncache = '{toy_config.cache}'\n[planning]\ngraphs = 120\n"
    )
    return file
