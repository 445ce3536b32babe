from __future__ import annotations

import sys
from pathlib import Path

import pytest

from nsm.cloud import scripts
from nsm.errors import NSMError


def ended(capsys: pytest.CaptureFixture[str], caught: pytest.ExceptionInfo[SystemExit]) -> str:
    """The one line that a script ended with."""
    captured = capsys.readouterr()
    assert caught.value.code == scripts.MISTAKE == 2 and captured.out == "" and captured.err.count("\n") == 1
    return captured.err


def test_a_mistake_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught, scripts.mistakes():
        raise NSMError("expected this,\n got that", file="a.toml", line=3, hint="mend it")
    assert ended(capsys, caught) == "Error: a.toml:3: expected this, got that (mend it)\n"
    with scripts.mistakes():
        pass


def test_a_missing_client_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "modal", None)
    with pytest.raises(SystemExit) as caught:
        scripts.require_modal()
    assert "pip install 'nsm[cloud]'" in ended(capsys, caught)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import gone_with_the_wind", "it lacks gone_with_the_wind: pip install 'nsm[cloud]'"),
        ("raise ImportError('cannot import name x')", "modal cannot be imported: cannot import name x"),
    ],
)
def test_a_client_that_cannot_be_imported_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, source: str, said: str
) -> None:
    (tmp_path / "modal.py").write_text(source)
    monkeypatch.delitem(sys.modules, "modal", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SystemExit) as caught:
        scripts.require_modal()
    assert said in ended(capsys, caught)


def test_a_command_is_repeated_whole() -> None:
    typed = ["/bin/modal", "run", "a b.py", "--run", "old", "--set", "x=1 y=2", "--run=older", "--epochs=3"]
    assert scripts.command_again(typed, run="night") == "modal run 'a b.py' --set 'x=1 y=2' --epochs=3 --run night"
    assert scripts.is_detached(["modal", "run", "-d", "a.py"]) and scripts.is_detached(["modal", "run", "--detach"])
    assert not scripts.is_detached(typed)


def test_a_missing_token_is_told_except_where_none_is_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MODAL_TASK_ID", raising=False)
    scripts.require_token(True, [])
    scripts.require_token(False, ["run", "--help"])
    with pytest.raises(SystemExit) as caught:
        scripts.require_token(False, ["run"])
    assert "no Modal token is set: run modal setup" in ended(capsys, caught)
    monkeypatch.setenv("MODAL_TASK_ID", "ta-1")
    scripts.require_token(False, ["run"])  # in a container


def test_python_alone_is_told_how_to_start_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        scripts.run_by_python("launch.py")
    assert ended(capsys, caught) == "Error: start it with: modal run launch.py\n"
