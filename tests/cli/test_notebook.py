from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nsm.cli import notebook as command
from nsm.cli.main import main
from nsm.dashboard import server
from nsm.dashboard.server import Served


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the server would be started with; it answers at once, on the next port."""
    given: dict[str, Any] = {}

    def serve(notebook: Path, tell: Callable[[Served], None], **options: Any) -> None:
        given.update(options, notebook=notebook)
        port = options["port"] + given.get("taken", 0)
        tell(Served(f"http://x:{port}/lab?token=t", options["ip"], port, notebook, Path("runs"), 7))

    monkeypatch.setattr(server, "serve", serve)
    return given


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["notebook", *arguments])
    return int(ended.value.code or 0)


def test_defaults_are_those_of_the_server() -> None:
    assert (command.LOOPBACK, command.PORT) == (server.LOOPBACK, server.PORT)


def test_it_says_what_to_open(asked: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(tmp_path)) == 0
    out, err = capsys.readouterr()
    assert "http://x:8888/lab?token=t" in out and "Ctrl-C" in out
    assert err == ""
    assert asked["notebook"] == tmp_path / "NSM_Training_Dashboard.ipynb"
    assert asked["opens_browser"] and asked["ip"] == "127.0.0.1" and asked["root"] is None


def test_json_is_one_object_and_a_taken_port_is_told(
    asked: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked["taken"] = 1
    assert run(str(tmp_path), "--json", "--no-browser", "--port", "9000", "--root", "r") == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert (told["port"], told["pid"], told["is_new"]) == (9001, 7, True)
    assert "port 9000 is taken, so it is 9001" in err
    assert not asked["opens_browser"] and asked["root"] == Path("r")


def test_edits_are_kept_and_told(asked: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(str(tmp_path))
    asked["notebook"].write_text("{}")
    run(str(tmp_path))
    assert "opened as it is; for a fresh copy beside it: nsm notebook --fresh" in capsys.readouterr().err
    assert asked["notebook"].read_text() == "{}"
    run(str(tmp_path), "--fresh")
    assert asked["notebook"].name == "NSM_Training_Dashboard_2.ipynb"


def test_another_address_is_warned_of(
    asked: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(str(tmp_path), "--ip", "0.0.0.0")
    warning = capsys.readouterr().err
    assert "WARNING: the server listens on 0.0.0.0" in warning and "run any program as you" in warning
    assert asked["ip"] == "0.0.0.0"


def test_a_wrong_port_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--port", "70000") == 2
    assert "65535" in capsys.readouterr().err
