"""The state that the services share, and the log."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeVar

from grpclib import GRPCError, Status
from modal_proto import api_pb2 as pb

from tests.cloud.fake_modal.records import App, Call, Container, Function, Log, Volume

Kind = TypeVar("Kind")


class Bell:
    """Wakes all that wait for a change."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Until the next ring, or for so many seconds.

        Check the condition, then call this without awaiting anything between, and no ring is lost.
        """
        try:
            await asyncio.wait_for(self._event.wait(), max(seconds, 0))
        except TimeoutError:
            return


@dataclass(frozen=True)
class Settings:
    """How the control plane was started.

    Attributes:
        folder: Where volumes and working copies lie.
        python: The interpreter of the containers.
        builder: The image builder's version that the environment reports.
        grace: Seconds between SIGINT and SIGKILL.
        hidden: Paths of this machine that containers do not see.
        patience: Seconds without a sign of life after which an attached client counts as gone.
    """

    folder: Path
    python: str
    builder: str = "2025.06"
    grace: float = 30.0
    hidden: tuple[Path, ...] = ()
    patience: float = 60.0


@dataclass
class World:
    """Everything that is known, by id."""

    settings: Settings
    tls: ssl.SSLContext
    token: tuple[str, str] = field(default_factory=lambda: (f"ak-{token_hex(11)}", f"as-{token_hex(11)}"))
    http: str = ""
    apps: dict[str, App] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    containers: dict[str, Container] = field(default_factory=dict)
    volumes: dict[str, Volume] = field(default_factory=dict)
    images: dict[str, pb.Image] = field(default_factory=dict)
    mounts: dict[str, dict[str, tuple[str, int]]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    secrets: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    attempts: list[dict[str, Any]] = field(default_factory=list)
    commits: list[dict[str, Any]] = field(default_factory=list)
    reloads: list[dict[str, Any]] = field(default_factory=list)
    tunnels: list[dict[str, Any]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    unimplemented: list[str] = field(default_factory=list)
    bell: Bell = field(default_factory=Bell)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _numbers: Counter[str] = field(default_factory=Counter)

    def new_id(self, prefix: str) -> str:
        """An id of the form that the client knows: a prefix and 22 letters or digits."""
        self._numbers[prefix] += 1
        return f"{prefix}-{self._numbers[prefix]:022}"

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Lets it run beside everything else; the end of the control plane waits for it."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def log(self, container: Container, text: str, descriptor: pb.FileDescriptor.ValueType) -> None:
        """Adds what a container printed to the output of its application."""
        function = container.function
        function.app.logs.append(Log(text, descriptor, container.id, function.id, container.input.call.id))
        self.bell.ring()

    def running(self, app: App | None = None) -> list[Container]:
        """The containers that run, of all applications or of one."""
        return [
            each for each in self.containers.values() if each.is_running and (app is None or each.function.app is app)
        ]

    def app(self, app_id: str) -> App:
        return _found(self.apps, app_id, "app")

    def function(self, function_id: str) -> Function:
        return _found(self.functions, function_id, "function")

    def call(self, call_id: str) -> Call:
        return _found(self.calls, call_id, "function call")

    def container(self, container_id: str) -> Container:
        return _found(self.containers, container_id, "container")

    def volume(self, volume_id: str) -> Volume:
        return _found(self.volumes, volume_id, "volume")

    def volume_name(self, volume_id: str) -> str:
        """A volume's name; its id, if it was deleted."""
        return self.volumes[volume_id].name if volume_id in self.volumes else volume_id

    def volume_named(self, name: str) -> Volume | None:
        return next((volume for volume in self.volumes.values() if volume.name == name), None)


def _found(table: dict[str, Kind], key: str, what: str) -> Kind:
    if key not in table:
        raise GRPCError(Status.NOT_FOUND, f"There is no {what} {key!r}")
    return table[key]
