"""What the rest of this package needs of a cloud: a storage, and calls that run somewhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any, Protocol

from nsm.errors import NSMError

__all__ = ["Call", "MountedVolume", "Outcome", "RemoteFile", "Storage", "StorageError", "UnknownCall"]


class StorageError(NSMError):
    """Trouble with the cloud that may pass by itself: whoever meets it tries again."""


class UnknownCall(NSMError):  # noqa: N818 - what it is, not that it is one
    """An identity by which the cloud knows no call."""


@dataclass(frozen=True)
class RemoteFile:
    """A file of the cloud's storage.

    Attributes:
        path: Its path below the root of the storage, such as ``causal/best_model.pt``.
        size: In bytes.
        modified: When it was last written, in whole seconds since 1970.
    """

    path: str
    size: int
    modified: int


class Storage(Protocol):
    """The cloud's storage, seen from the user's machine."""

    def files(self, folder: str) -> list[RemoteFile]:
        """All files below a folder (or that one file); none where there is no such path."""

    def read(self, path: str, stream: IO[bytes], advance: Callable[[int], object] | None = None) -> None:
        """Writes a file's content to a stream, telling the number of bytes as they come."""

    def write(self, path: str, content: bytes) -> None:
        """Makes or replaces a file."""


class MountedVolume(Protocol):
    """The same storage, seen from inside a container that mounts it."""

    def commit(self) -> None:
        """Makes what was written visible to everybody else, and last."""

    def reload(self) -> None:
        """Makes visible what others have committed since."""


@dataclass(frozen=True)
class Outcome:
    """How a call ended.

    Attributes:
        value: What it returned; None if it failed.
        why: Why it failed, in one line; None if it did not.
    """

    value: Any = None
    why: str | None = None


class Call(Protocol):
    """A function that runs in the cloud."""

    @property
    def call_id(self) -> str:
        """By which it is found again, from any machine."""

    def poll(self, seconds: float) -> Outcome | None:
        """How it ended; None if it still runs after so many seconds, or that could not be found out now.

        Raises:
            UnknownCall: If there is no such call.
        """
