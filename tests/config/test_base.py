"""What every table of the configuration keeps to."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from nsm.config.base import DomainConfig, FolderPath, Share, given_value


class Table(DomainConfig):
    """A table with one key of each kind."""

    folder: FolderPath | None = None
    share: Share = 0.5


def test_types_are_kept_and_unknown_keys_refused() -> None:
    for wrong in ({"shares": 0.1}, {"share": "0.1"}, {"share": 1.5}, {"share": float("nan")}, {"allow_leaks": 1}):
        with pytest.raises(ValidationError):
            Table.model_validate(wrong)
    assert Table.model_validate({"share": 1}).share == 1.0


def test_nothing_changes_afterwards() -> None:
    with pytest.raises(ValidationError):
        Table().share = 0.2  # type: ignore[misc]


def test_a_path_may_begin_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert Table.model_validate({"folder": "~/data"}).folder == Path("/home/me/data")


def test_what_is_given_is_found_before_it_is_checked_and_after() -> None:
    for table in ({"share": 0.2}, Table(share=0.2)):
        assert given_value({"table": table}, "table", "share") == 0.2
        assert given_value({"table": table}, "table", "other") is None
    assert given_value({}, "table", "share") is None
    assert given_value({"table": "no table"}, "table", "share") is None
