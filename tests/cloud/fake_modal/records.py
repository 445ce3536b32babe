"""What the control plane remembers: applications, functions, calls, containers."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modal_proto import api_pb2 as pb

Signature = tuple[int, ...]


@dataclass
class Log:
    """A piece of an application's output."""

    text: str
    descriptor: pb.FileDescriptor.ValueType
    container: str
    function: str
    call: str
    time: float = field(default_factory=time.time)


@dataclass
class App:
    """An application; ``name`` is set once it is deployed."""

    id: str
    description: str
    states: list[str]
    name: str = ""
    function_ids: dict[str, str] = field(default_factory=dict)
    class_ids: dict[str, str] = field(default_factory=dict)
    disconnect: dict[str, Any] | None = None
    is_stopped: bool = False
    logs: list[Log] = field(default_factory=list)
    created_at: float = field(default_factory=time.time)
    stopped_at: float = 0.0
    heartbeat_at: float = field(default_factory=time.monotonic)

    @property
    def state(self) -> pb.AppState.ValueType:
        return pb.APP_STATE_STOPPED if self.is_stopped else pb.AppState.Value(self.states[-1])

    @property
    def is_attached(self) -> bool:
        """Whether it lives only as long as its client."""
        return self.states[-1] in {"APP_STATE_EPHEMERAL", "APP_STATE_INITIALIZING"}


@dataclass
class Function:
    """A function, or a variant of one (``with_options``).

    Attributes:
        definition: What the containers are given.
        ranked: The same with each GPU that it falls back to, best first.
        base: The function that this one is a variant of.
    """

    id: str
    app: App
    definition: pb.Function
    ranked: list[pb.Function]
    base: str = ""

    @property
    def name(self) -> str:
        return self.definition.function_name

    def metadata(self) -> pb.FunctionHandleMetadata:
        made = self.definition
        return pb.FunctionHandleMetadata(
            function_name=made.function_name,
            function_type=made.function_type,
            app_id=self.app.id,
            definition_id=f"de-{self.id}",
            function_schema=made.function_schema,
            supported_input_formats=made.supported_input_formats,
            supported_output_formats=made.supported_output_formats,
            base_function_id=self.base,
        )

    def data(self) -> pb.FunctionData:
        made = self.definition
        return pb.FunctionData(
            module_name=made.module_name,
            function_name=made.function_name,
            function_type=made.function_type,
            timeout_secs=made.timeout_secs,
            ranked_functions=[
                pb.FunctionData.RankedFunction(rank=rank, function=each) for rank, each in enumerate(self.ranked)
            ],
        )


@dataclass
class Call:
    """A call of a function with one or more inputs."""

    id: str
    function: Function
    kind: pb.FunctionCallInvocationType.ValueType
    inputs: int = 0
    outputs: list[pb.FunctionGetOutputsItem] = field(default_factory=list)
    is_cancelled: bool = False


@dataclass(frozen=True)
class Input:
    """An input of a call, as the client put it."""

    id: str
    call: Call
    index: int
    payload: pb.FunctionInput


@dataclass
class Volume:
    """A volume: what is committed lies in ``folder``."""

    id: str
    name: str
    folder: Path
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass
class WorkingCopy:
    """What one container sees of a volume, and the state that it last shared with it."""

    volume: Volume
    folder: Path
    is_read_only: bool
    base: dict[str, Signature] = field(default_factory=dict)


@dataclass
class Container:
    """One attempt of an input.

    Attributes:
        copies: The working copies of the volumes, by the volume's id.
        process: The outermost process; the container's first process is its child.
        output: What the function gave back, if it came so far.
        crash: What the container reported when it could not even start the function.
        why: Why it is being ended from outside: "preempted", "stopped", "cancelled", "timeout".
        has_input: Set when the input was fetched, at which the time-out begins.
        has_output: Set when the output came, at which the time-out ends.
        is_cancelled: Set when its heartbeat shall tell it to give the input up.
        is_gone: Set when no process of it is left.
    """

    id: str
    input: Input
    retry: int
    folder: Path
    copies: dict[str, WorkingCopy] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None
    served: int = 0
    output: pb.FunctionPutOutputsItem | None = None
    crash: pb.GenericResult | None = None
    why: str = ""
    has_input: asyncio.Event = field(default_factory=asyncio.Event)
    has_output: asyncio.Event = field(default_factory=asyncio.Event)
    is_cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    is_gone: asyncio.Event = field(default_factory=asyncio.Event)
    enqueued_at: float = field(default_factory=time.time)
    started_at: float = 0.0
    finished_at: float = 0.0

    @property
    def function(self) -> Function:
        return self.input.call.function

    @property
    def is_running(self) -> bool:
        return not self.is_gone.is_set()
