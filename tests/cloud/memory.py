"""A cloud in memory: storage, volume and calls for tests that need no control plane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO

from nsm.cloud.storage import Outcome, RemoteFile


@dataclass
class MemoryStorage:
    """Files in a dictionary.

    Attributes:
        content: What each file holds.
        modified: The time of each; 1 where none is told.
        spoilt: What comes instead of a file, once for each entry.
        read_paths: What has been read, in order.
    """

    content: dict[str, bytes] = field(default_factory=dict)
    modified: dict[str, int] = field(default_factory=dict)
    spoilt: dict[str, list[bytes]] = field(default_factory=dict)
    read_paths: list[str] = field(default_factory=list)

    def files(self, folder: str) -> list[RemoteFile]:
        found = [path for path in sorted(self.content) if not folder or path == folder or path.startswith(f"{folder}/")]
        return [RemoteFile(path, len(self.content[path]), self.modified.get(path, 1)) for path in found]

    def read(self, path: str, stream: IO[bytes], advance: Callable[[int], object] | None = None) -> None:
        self.read_paths.append(path)
        spoilt = self.spoilt.get(path)
        content = spoilt.pop(0) if spoilt else self.content[path]
        stream.write(content)
        if advance is not None:
            advance(len(content))

    def write(self, path: str, content: bytes) -> None:
        self.content[path] = content


@dataclass
class FakeVolume:
    """Counts what is asked of it."""

    commits: int = 0
    reloads: int = 0

    def commit(self) -> None:
        self.commits += 1

    def reload(self) -> None:
        self.reloads += 1


class FakeCall:
    """A call that tells these outcomes, one for each look."""

    def __init__(self, outcomes: Sequence[Outcome | None], call_id: str = "fc-1") -> None:
        self.call_id, self._outcomes = call_id, list(outcomes)

    def poll(self, seconds: float) -> Outcome | None:
        del seconds
        return self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]
