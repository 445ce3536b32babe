from __future__ import annotations

import json

import pytest

from nsm.cloud.sessions import follow
from nsm.cloud.storage import Outcome
from nsm.errors import RunError
from tests.cloud.memory import FakeCall, MemoryStorage


class MovingStorage(MemoryStorage):
    """A session that moves to another container after the first look."""

    looks = 0

    def read(self, path: str, stream, advance=None) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        self.looks += 1
        self.content[path] = json.dumps({"address": f"https://host{min(self.looks, 2)}/lab"}).encode()
        super().read(path, stream, advance)


def test_the_address_comes_with_the_token_and_again_when_it_moves() -> None:
    storage, said = MovingStorage({"sessions/s1.json": b"{}"}), []
    follow(storage, "s1", FakeCall([None, None, Outcome("its time is up")]), "secret", say=said.append, poll=0)
    opened = [line for line in said if line.startswith("open")]
    assert opened == ["open      https://host1/lab?token=secret", "open      https://host2/lab?token=secret"]
    assert "its time is up" in said[-1]


def test_a_notebook_that_fails_is_told() -> None:
    storage = MemoryStorage({"sessions/s1.json": b'{"address": "https://there", "is_edited": true}'})
    said: list[str] = []
    with pytest.raises(RunError, match="the notebook has failed: boom"):
        follow(storage, "s1", FakeCall([Outcome(why="boom")]), "secret", say=said.append)
    assert any("is opened as it is" in line for line in said)
