"""Errors name the place and the remedy, and survive the way between processes."""

from __future__ import annotations

import pickle

import pytest

from nsm import errors
from nsm.errors import ConfigError, DataError, NSMError


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (NSMError("wrong"), "wrong"),
        (NSMError("wrong", file="a.toml"), "a.toml: wrong"),
        (NSMError("wrong", file="a.toml", line=3, hint="right"), "a.toml:3: wrong (right)"),
        (NSMError("wrong", line=3), "line 3: wrong"),
    ],
)
def test_text(error: NSMError, text: str) -> None:
    assert str(error) == text


def test_every_error_is_a_value_error() -> None:
    for name in errors.__all__:
        assert issubclass(getattr(errors, name), NSMError)
    assert issubclass(NSMError, ValueError)


def test_pickling_keeps_everything() -> None:
    error = pickle.loads(pickle.dumps(DataError("wrong", file="a", line=3, hint="right")))
    assert type(error) is DataError
    assert (error.message, error.file, error.line, error.hint) == ("wrong", "a", 3, "right")


def test_a_notebook_shows_the_message_and_no_way_there() -> None:
    error = ConfigError("unknown key 'epoch'", hint="did you mean 'epochs'?")
    assert error._render_traceback_() == ["ConfigError: unknown key 'epoch' (did you mean 'epochs'?)"]
