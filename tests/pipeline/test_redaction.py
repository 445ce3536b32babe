"""What tells of the machine goes; what only looks like it stays."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nsm.pipeline.redaction import Redaction


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("root = '/srv/nsm/checkpoints/'", "root = 'checkpoints'"),
        ("sqlite:////data/studies/a.db", "sqlite:////data/studies/a.db"),
        ("https://ada:pw@example.org/a/b", "https://***@example.org/a/b"),
        ("2 / 3, 1/2/3, </b></i>, text/plain, ../a/b", "2 / 3, 1/2/3, </b></i>, text/plain, ../a/b"),
        ("/my runs/x y/best.pt and more", "best.pt and more"),
        ("<code>/my runs/x y</code>", "<code>x y</code>"),
    ],
)
def test_texts(text: str, expected: str) -> None:
    assert Redaction(["/my runs/x y"]).text(text) == expected


def test_pictures_keep_their_bytes() -> None:
    page = '<img src="data:image/png;base64,ab/cd/ef/gh+/ij/kl=="> /ab/cd/ef'
    assert Redaction().text(page) == '<img src="data:image/png;base64,ab/cd/ef/gh+/ij/kl=="> ef'


def test_the_home_folder_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "Ada L."
    monkeypatch.setenv("HOME", str(home))
    cleaned = Redaction().plain({"a": [f"{home}/runs/b", 3, None], "c": str(home)})
    assert cleaned == {"a": ["b", 3, None], "c": "Ada L."}
    assert not re.search("tmp", str(cleaned))
