"""A user's code is found, called, and told about when it fails; a run's folder is no place for it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsm.config.imported import call_imported, import_named, is_import_path, refuse_code_in
from nsm.errors import ConfigError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The present folder; what is imported from it is forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in ("", ".")])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(folder: Path, text: str, name: str = "the_users_code") -> Path:
    file = folder / f"{name}.py"
    file.write_text(text)
    return file


def test_the_present_folder_is_searched_last(folder: Path) -> None:
    write(folder, "def double(x):\n    return 2 * x\n")
    write(folder, "raise SystemExit('this must not be imported')\n", name="colorsys")
    module, double = import_named("the_users_code:double", "model")
    assert (module.__name__, double(4)) == ("the_users_code", 8)
    import_named("colorsys:rgb_to_hsv", "model")
    assert sys.path[-1] == str(folder)
    assert sys.path.count(str(folder)) == 1


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("the_users_typo:Name", "model: there is no module 'the_users_typo'"),
        ("json.the_users_typo:Name", "model: there is no module 'json.the_users_typo'"),
        ("json:Name", "model: the module 'json' has no 'Name'"),
        ("string:digits", "model: expected a class or a function, but string:digits is of type str"),
    ],
)
def test_what_is_not_there(folder: Path, path: str, message: str) -> None:
    del folder
    with pytest.raises(ConfigError) as caught:
        import_named(path, "model")
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("import the_users_typo\n", "importing 'the_users_code' failed: ModuleNotFoundError", 1),
        ("x = 1\ny = x / 0\n", "importing 'the_users_code' failed: ZeroDivisionError: division by zero", 2),
        ("x = 1\ndef (\n", "importing 'the_users_code' failed: invalid syntax", 2),
        ("def make(a, b):\n    return a / b\n", "the_users_code:make failed: ZeroDivisionError: division by zero", 2),
    ],
    ids=["import", "error", "syntax", "call"],
)
def test_errors_of_the_users_code_have_its_line(folder: Path, text: str, message: str, line: int) -> None:
    file = write(folder, text)
    with pytest.raises(ConfigError) as caught:
        call_imported("the_users_code:make", "model", 1, 0)
    assert message in caught.value.message
    assert (caught.value.file, caught.value.line) == (str(file), line)


def test_what_it_says_itself_is_passed_on(folder: Path) -> None:
    write(folder, "from nsm.errors import ConfigError\ndef make():\n    raise ConfigError('give more channels')\n")
    with pytest.raises(ConfigError) as caught:
        call_imported("the_users_code:make", "model")
    assert caught.value.message == "give more channels"


def test_a_run_brings_no_code_along(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = folder / "run"
    (run / "the_package").mkdir(parents=True)
    write(run, "raise SystemExit('this must not be imported')\n")
    refuse_code_in(run, "the_users_code:make", "model")  # from elsewhere it is not found
    monkeypatch.chdir(run)
    for path in ("the_users_code:make", "the_package.inside:make"):
        with pytest.raises(ConfigError, match="lies inside a run") as caught:
            refuse_code_in(run, path, "model")
        assert caught.value.file == str(run)
    refuse_code_in(run, "json:loads", "model")
    refuse_code_in(run, "sys:exit", "model")
    refuse_code_in(run, "nowhere_at_all:x", "model")


def test_the_form() -> None:
    assert is_import_path("a.b:C") and not is_import_path("a.b")
