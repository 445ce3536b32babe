"""From arguments to an exit status; what help and errors look like."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nsm import pipeline
from nsm.errors import ConfigError
from tests.cli.conftest import Command, JsonCommand

HEAVY = ("torch", "numpy", "pydantic", "rich", "lightning_fabric", "pyarrow", "matplotlib", "sklearn")


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["train", "--help"], ["data", "show", "--help"], ["checkpoints", "list", "--help"]],
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom nsm.cli.main import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit as end:\n    assert end.code == 0, end.code\n"
        f"print(sorted(set({HEAVY!r}) & sys.modules.keys()))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.splitlines()[-1] == "[]"
    assert found.stdout.startswith("Usage: nsm")


@pytest.mark.parametrize(
    "command",
    [
        *("train", "evaluate", "audit", "compare", "export", "data import", "data show", "data card", "lr find"),
        *(f"checkpoints {name}" for name in ("list", "show", "verify", "diff", "prune")),
    ],
)
def test_help_teaches_by_example(nsm: Command, command: str) -> None:
    status, out, _ = nsm(*command.split(), "--help")
    assert status == 0
    assert "Examples:" in out
    assert f"\n    nsm {command} " in out
    assert "--json" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["train"],
        ["train", "planning", "--no-such-option"],
        ["train", "planning", "--epochs", "ten"],
        ["evaluate"],
        ["no-such-command"],
        ["no-such-command", "--help"],
        ["data", "no-such-command", "--help"],
        ["data", "show", "planning", "-n", "0"],
        ["evaluate", "x", "--split", "all"],
    ],
)
def test_usage_errors(nsm: Command, nsm_json: JsonCommand, arguments: list[str]) -> None:
    status, out, err = nsm(*arguments)
    assert (status, out) == (2, "")
    assert "Error: " in err
    assert "Traceback" not in err
    status, told = nsm_json(*arguments)
    assert status == 2
    assert told.keys() == {"error", "file", "line", "hint"}
    assert told["error"]


@pytest.mark.parametrize("more", [[], ["--help"], ["planning", "--help"]])
def test_a_misspelt_command_has_its_neighbour_named(nsm: Command, nsm_json: JsonCommand, more: list[str]) -> None:
    for typo, right in ((["evalute"], "evaluate"), (["data", "shw"], "show")):
        status, out, err = nsm(*typo, *more)
        assert (status, out) == (2, "")
        assert f"No such command '{typo[-1]}'. Did you mean '{right}'?" in err
        status, told = nsm_json(*typo, *more)
        assert (status, told["hint"]) == (2, "see nsm --help")
        assert f"'{right}'" in told["error"]


def test_an_error_is_two_lines_with_file_and_line(nsm: Command, nsm_json: JsonCommand, settings: Path) -> None:
    settings.write_text("seed = 1\nepoch = 3\n")
    status, out, err = nsm("train", "planning", "--config", str(settings))
    assert (status, out) == (2, "")
    assert err == f"Error: {settings}:2: unknown key 'epoch'\nHint: did you mean 'epochs'?\n"
    status, told = nsm_json("train", "planning", "--config", str(settings))
    assert status == 2
    assert told == {
        "error": "unknown key 'epoch'",
        "file": str(settings),
        "line": 2,
        "hint": "did you mean 'epochs'?",
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "astrology"], "domain: expected 'planning', 'causal', 'kg' or 'own', got 'astrology'"),
        (["train", "planning", "--set", "lr"], "expected key=value, got 'lr'"),
    ],
)
def test_mistakes_end_with_status_two_and_no_traceback(nsm: Command, arguments: list[str], message: str) -> None:
    status, out, err = nsm(*arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) <= 2


def test_an_error_of_the_system_is_told_the_same_way(nsm: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "/some/file")

    monkeypatch.setattr(pipeline, "audit", fail)
    assert nsm("audit", "planning") == (2, "", "Error: /some/file: No space left on device\n")


def test_an_interruption_is_told_without_a_traceback(
    nsm: Command, nsm_json: JsonCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "audit", interrupt)
    lines = "Error: interrupted; nothing is half written\nHint: nsm train --resume goes on with a run\n"
    status, out, err = nsm("audit", "planning")
    assert (status, out, err.lstrip()) == (130, "", lines)
    status, told = nsm_json("audit", "planning")
    assert (status, told["error"]) == (130, "interrupted; nothing is half written")


def test_debug_shows_where_an_error_came_from() -> None:
    from nsm.cli.main import main

    with pytest.raises(ConfigError):
        main(["train", "planning", "--set", "epoch=3", "--debug"])


def test_python_dash_m() -> None:
    command = [sys.executable, "-m", "nsm", "train", "planning", "--set", "epoch=3", "--json"]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert found.returncode == 2
    assert json.loads(found.stdout)["hint"] == "did you mean 'epochs'?"
    assert found.stderr == ""
