"""All that is Modal's: image, volume, functions, calls, errors. Nothing else in NSM imports ``modal``."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import modal
import modal.config
import modal.exception

import nsm
from nsm.cloud.prices import CORES, MEMORY_GIB
from nsm.cloud.storage import Outcome, RemoteFile, StorageError, UnknownCall
from nsm.errors import NSMError
from nsm.runs.folder import CLOUD_ROOT

__all__ = [
    "LIMITS",
    "VOLUME",
    "ModalCall",
    "ModalVolume",
    "build_image",
    "call",
    "container",
    "current_call",
    "forward",
    "has_token",
    "is_local",
    "telling_failures_apart",
]

VOLUME = "nsm-checkpoints"
PYTHON = "3.12"
LIMITS = {"timeout": 86_400, "retries": 10}
"""The most that Modal allows: seconds of an attempt, and attempts after the first."""

HOME = Path(nsm.__file__).resolve().parents[1]
LOCK = HOME / "requirements-cloud.lock"
NOTEBOOK = HOME / "experiments" / "NSM_Training_Dashboard.ipynb"
NOT_SENT = ["**/__pycache__", "**/*.pyc", "**/.*"]
TRIES = 5  # of a commit or a reload that is refused
PASSING = (
    modal.exception.ConnectionError,
    modal.exception.ServiceError,
    modal.exception.InternalError,
    modal.exception.ResourceExhaustedError,
)
"""What the client raises where it cannot reach Modal at the moment: it says nothing about a call."""
OPEN_FILES = "open files"


def build_image() -> modal.Image:
    """What every container runs on: exact releases first, our own files last, so that an edit rebuilds nothing."""
    settings = {"PYTHONUNBUFFERED": "1", "NSM_ROOT": str(CLOUD_ROOT), "THP_MEM_ALLOC_ENABLE": "1"}
    settings |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")  # as `nsm train`
    return (
        modal.Image.debian_slim(python_version=PYTHON)
        .pip_install_from_requirements(str(LOCK))
        .env(settings)
        .add_local_python_source("nsm", ignore=NOT_SENT)
        .add_local_file(NOTEBOOK, f"/root/experiments/{NOTEBOOK.name}")
    )


def container(
    gpus: Sequence[str], *, seconds: int, retries: int, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The arguments of ``app.function``: image, volume, GPUs in the order of preference, limits.

    A container serves one call and goes: nothing idles at a GPU's price, and each begins with the volume as it is.

    Args:
        gpus: The first that is free is taken.
        seconds: How long one attempt may take.
        retries: Attempts after one that failed or ran out of time; those after a preemption are not counted.
        environment: Variables that are set in the container, where the script is read again.
    """
    return {
        "image": build_image(),
        "gpu": list(gpus),
        "cpu": float(CORES),
        "memory": MEMORY_GIB * 1024,
        "volumes": {str(CLOUD_ROOT): modal.Volume.from_name(VOLUME, create_if_missing=True)},
        "timeout": min(seconds, LIMITS["timeout"]),
        "retries": modal.Retries(max_retries=min(retries, LIMITS["retries"]), initial_delay=1.0, max_delay=60.0),
        "single_use_containers": True,
        "env": dict(environment or {}),
    }


def is_local() -> bool:
    """Whether this is the user's machine and no container."""
    return bool(modal.is_local())


def current_call() -> str:
    """The identity of the call that this container works on; empty outside of one."""
    return str(modal.current_function_call_id() or "")


def has_token() -> bool:
    """Whether this machine has a token; nothing is sent to find out."""
    return bool(modal.config.config.get("token_id") and modal.config.config.get("token_secret"))


@contextmanager
def _explaining() -> Iterator[None]:
    """Turns Modal's errors into ours.

    Raises:
        NSMError: In place of them, in one line.
    """
    try:
        yield
    except modal.exception.AuthError as failure:
        raise NSMError(f"Modal refuses the token: {_line(failure)}", hint="modal token new") from failure
    except modal.exception.NotFoundError as failure:
        raise NSMError(f"Modal has no such thing: {_line(failure)}", hint="modal volume list") from failure
    except modal.exception.Error as failure:
        raise StorageError(f"Modal: {_line(failure)}") from failure


@contextmanager
def telling_failures_apart() -> Iterator[None]:
    """Around what a function does in its container: its failures are not taken for those of the user's client.

    What a function raises is raised again by the client that asks for its result. There a time-out would read as "not
    yet", and one of Modal's own errors as trouble of the client.

    Raises:
        RuntimeError: In place of these.
    """
    try:
        yield
    except (TimeoutError, modal.exception.Error) as failure:
        raise RuntimeError(f"{type(failure).__name__}: {_line(failure)}") from failure


def _line(failure: BaseException) -> str:
    text = " ".join(str(failure).split())
    return text or type(failure).__name__


class ModalVolume:
    """The volume, from the user's machine and from inside a container.

    Args:
        name: Of the volume.
        pause: Seconds between two tries to reload.
        tell: Told of what did not go as it should.
    """

    def __init__(self, name: str = VOLUME, *, pause: float = 2.0, tell: Callable[[str], object] = print) -> None:
        self._volume = modal.Volume.from_name(name)
        self._pause, self._tell = pause, tell

    def commit(self) -> None:
        """Makes what was written last; tries again where that is refused.

        After it Modal shows what others have written, for which no file of the volume may be open; that can wait.

        Raises:
            StorageError: If it is refused again and again.
        """
        self._insist(self._volume.commit, "could not be committed", needs_closed_files=False)

    def reload(self) -> None:
        """Makes visible what others have committed; tries again while files of the volume are open.

        Raises:
            StorageError: If they stay open, with the file as far as Modal knows it.
        """
        self._insist(self._volume.reload, "cannot be brought up to date", needs_closed_files=True)

    def _insist(self, act: Callable[[], object], trouble: str, *, needs_closed_files: bool) -> None:
        for left in reversed(range(TRIES)):
            try:
                with _explaining():
                    act()
                return
            except (StorageError, RuntimeError) as failure:
                is_open = OPEN_FILES in str(failure)
                if is_open and not needs_closed_files:
                    return
                if not left:
                    hint = "close it: a kernel, a terminal or a program works inside /checkpoints" if is_open else None
                    raise StorageError(f"the volume {trouble}: {_line(failure)}", hint=hint) from failure
                self._tell(f"the volume {'is in use' if is_open else trouble}, trying again: {_line(failure)}")
                time.sleep(self._pause)

    def files(self, folder: str) -> list[RemoteFile]:
        """All files below a folder, or that one file; none where there is no such path."""
        try:
            entries = self._volume.listdir(folder or "/", recursive=True)
        except (modal.exception.NotFoundError, FileNotFoundError):
            self._require()
            return []
        except modal.exception.Error:
            with _explaining():
                raise
        return [
            RemoteFile(entry.path.lstrip("/"), entry.size, entry.mtime)
            for entry in entries
            if entry.type.name == "FILE"
        ]

    def _require(self) -> None:
        with _explaining():
            self._volume.hydrate()

    def read(self, path: str, stream: IO[bytes], advance: Callable[[int], object] | None = None) -> None:
        """Writes a file's content to a stream.

        Raises:
            NSMError: If there is no such file.
        """
        try:
            with _explaining():
                for block in self._volume.read_file(path):
                    stream.write(block)
                    if advance is not None:
                        advance(len(block))
        except FileNotFoundError as failure:
            raise NSMError("the volume has no such file", file=path) from failure

    def write(self, path: str, content: bytes) -> None:
        """Makes or replaces a file."""
        with _explaining(), self._volume.batch_upload(force=True) as batch:
            batch.put_file(io.BytesIO(content), path)


class ModalCall:
    """A call that runs, or ran, in the cloud.

    Args:
        handle: Modal's own.
        call_id: By which :func:`call` finds it again, from any machine, for seven days.
        pause: Seconds to wait after Modal could not be reached.
        tell: Told that it could not be.
    """

    def __init__(
        self, handle: Any, call_id: str = "", *, pause: float = 2.0, tell: Callable[[str], object] = print
    ) -> None:
        self._handle, self._pause, self._tell = handle, pause, tell
        self.call_id = call_id or str(handle.object_id)

    def poll(self, seconds: float) -> Outcome | None:
        """How it ended; None if it still runs after so many seconds, or Modal cannot be reached.

        Raises:
            UnknownCall: If there is no such call.
            NSMError: If the token is refused.
        """
        try:
            return Outcome(self._handle.get(timeout=seconds))
        except PASSING as failure:
            self._tell(f"Modal cannot be reached, asking again: {_line(failure)}")
            time.sleep(self._pause)
            return None
        except (modal.exception.InvalidError, modal.exception.NotFoundError) as failure:
            raise UnknownCall(f"Modal knows no call {self.call_id!r}: {_line(failure)}") from failure
        except modal.exception.AuthError:
            with _explaining():
                raise
        except modal.exception.OutputExpiredError:
            return Outcome(why="its result has expired; the run itself is on the volume")
        except Exception as failure:  # noqa: BLE001 - whatever the function raised is raised here again
            if isinstance(failure, TimeoutError) and not failure.args:  # the client's own: it still runs
                return None
            return Outcome(why=f"{type(failure).__name__}: {_line(failure)}")


def call(call_id: str) -> ModalCall:
    """A call that was made before.

    Raises:
        UnknownCall: If that is the identity of no call.
    """
    if not call_id.startswith("fc-"):
        raise UnknownCall(f"Modal knows no call {call_id!r}", hint="an identity begins with fc-")
    return ModalCall(modal.FunctionCall.from_id(call_id), call_id)


@contextmanager
def forward(port: int) -> Iterator[str]:
    """Makes a port of this container reachable from outside while the block runs; gives its address."""
    with _explaining(), modal.forward(port) as tunnel:
        yield str(tunnel.url)
