"""JupyterLab for this machine alone: it listens on loopback, lets in who has its token, and opens on the notebook."""

from __future__ import annotations

import importlib.util
import os
import secrets
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from nsm.errors import NSMError, RunError
from nsm.runs import ensure_writable, resolve_root

__all__ = ["LOOPBACK", "PORT", "Activity", "Served", "require_jupyter", "serve"]

LOOPBACK, PORT = "127.0.0.1", 8888
EVERYWHERE = ("0.0.0.0", "::", "", "*")
PATIENCE = 60  # seconds that the server has to answer for the first time
ANNOUNCEMENTS = "@jupyterlab/apputils-extension:announcements"
"""The part of JupyterLab that asks other machines for news and for newer releases."""


@dataclass(frozen=True)
class Served:
    """A server that answers.

    Attributes:
        url: What to open in a browser on this machine; the token that lets in is part of it.
        ip: Where it listens.
        port: The port, which is the next free one where the one asked for is taken.
        notebook: What it opens on.
        root: Where its notebooks keep runs.
        pid: The process.
    """

    url: str
    ip: str
    port: int
    notebook: Path
    root: Path
    pid: int

    @property
    def path(self) -> str:
        """The part of the address that every way to the server shares."""
        return urlsplit(self.url).path

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {key: str(value) if isinstance(value, Path) else value for key, value in asdict(self).items()}


@dataclass(frozen=True)
class Activity:
    """What goes on in a server.

    Attributes:
        last: When somebody last did something, in seconds since 1970.
        is_busy: Whether a kernel computes.
    """

    last: float
    is_busy: bool


def require_jupyter() -> None:
    """Makes sure that the parts are there.

    Raises:
        NSMError: If they are not, with the command that brings them.
    """
    missing = [name for name in ("jupyterlab", "ipykernel", "ipywidgets") if importlib.util.find_spec(name) is None]
    if missing:
        raise NSMError(f"the notebook needs {' and '.join(missing)}", hint="pip install 'nsm[notebook]'")


def serve(
    notebook: Path,
    tell: Callable[[Served], None],
    *,
    ip: str = LOOPBACK,
    port: int = PORT,
    root: Path | None = None,
    opens_browser: bool = True,
    token: str | None = None,
    kernels_in: Path | None = None,
    is_over: Callable[[Activity], bool] | None = None,
) -> int | None:
    """Runs JupyterLab in this process until Ctrl-C or SIGTERM, and ends its kernels then.

    The token is made afresh where none is given. It is neither in the process list nor in a log: the server runs in
    this process, and a browser is sent to a private file that leads on.

    Args:
        notebook: What it opens on; its folder is what the server shows.
        tell: Called once the server answers.
        ip: Where to listen.
        port: Where to listen, or to begin looking for a free port.
        root: Where its notebooks keep runs; see :func:`nsm.runs.resolve_root`, but ``checkpoints`` is that beside the
            notebook.
        opens_browser: Whether to open a browser.
        token: What lets in.
        kernels_in: Where kernels begin to work; in the notebook's folder by default.
        is_over: Asked every second whether to end the server.

    Returns:
        The number of the signal that ended it; None if it was ended in another way.

    Raises:
        NSMError: If JupyterLab is not installed.
        RunError: If the root cannot be written, or no port is free.
    """
    require_jupyter()
    home = _prepare_home(notebook, root)
    token = token or secrets.token_hex(24)
    server = _initialise(notebook.absolute(), token, ip, port, opens_browser=opens_browser)
    if kernels_in is not None:
        server.kernel_manager.cwd_for_path = lambda *_, **__: str(kernels_in)
    host = LOOPBACK if ip in EVERYWHERE else ip
    base = f"http://{f'[{host}]' if ':' in host else host}:{server.port}"
    url = f"{base}{_path(notebook)}?token={token}"
    served = Served(url, ip, server.port, notebook.absolute(), home, os.getpid())

    heard, failures = _end_by_signals(server), []

    def wait() -> None:
        try:
            if _answers(f"{base}/api/status", token):
                tell(served)
                if is_over is None:
                    return
                while not is_over(_activity(server)):
                    time.sleep(1)
        except Exception as failure:  # noqa: BLE001 - of another thread: raised below
            failures.append(failure)
        server.stop(from_signal=True)

    threading.Thread(target=wait, daemon=True).start()
    server.start()
    if failures:
        raise failures[0]
    return heard[0] if heard else None


def _prepare_home(notebook: Path, root: Path | None) -> Path:
    """Where kernels keep runs, which can be written to; their environment tells them so."""
    home = resolve_root(root)
    if root is None and home == resolve_root(Path("checkpoints")) and not os.environ.get("NSM_ROOT"):
        home = notebook.parent / home  # nobody has named one: beside the notebook
    home = home.absolute()
    ensure_writable(home)
    _prepare_kernels(home)
    return home


def _end_by_signals(server: Any) -> list[int]:
    """Makes signals end the server; gives a list that will tell which one came."""
    heard: list[int] = []

    def stop(number: int, _: object) -> None:
        heard.append(number)
        signal.signal(number, signal.SIG_DFL)  # the second one ends it at once
        server.stop(from_signal=True)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    return heard


def _activity(server: Any) -> Activity:
    manager = server.kernel_manager
    states = [getattr(manager.get_kernel(name), "execution_state", None) for name in list(manager.list_kernel_ids())]
    return Activity(server.web_app.last_activity().timestamp(), "busy" in states)


def _prepare_kernels(root: Path) -> None:
    """What kernels inherit: where runs are kept, and the programs of this Python's environment, TensorBoard's too."""
    os.environ["NSM_ROOT"] = str(root)
    programs = str(Path(sys.executable).parent)
    if programs not in (present := os.environ.get("PATH", os.defpath).split(os.pathsep)):
        os.environ["PATH"] = os.pathsep.join([programs, *present])
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # small graphs are faster so


def _path(notebook: Path) -> str:
    return f"/lab/tree/{quote(notebook.name)}"


def _initialise(notebook: Path, token: str, ip: str, port: int, *, opens_browser: bool) -> Any:
    """The server, listening but not yet answering; these settings beat those of the user's Jupyter."""
    from jupyterlab.labapp import LabApp

    settings = {
        "IdentityProvider.token": token,
        "ServerApp.ip": ip,
        "ServerApp.port": port,
        "ServerApp.root_dir": str(notebook.parent),
        "ServerApp.open_browser": opens_browser,
        "ServerApp.use_redirect_file": True,
        "ServerApp.allow_root": True,  # in a container everything is root, and who can log in is the same person
        "ServerApp.log_level": "ERROR",
        "LabApp.default_url": _path(notebook),
        "LabApp.extension_manager": "readonly",
        "LabApp.log_level": "ERROR",
        "KernelManager.transport_encryption": "auto",  # between server and kernel, where this Jupyter can
    }
    try:
        server = LabApp.initialize_server(argv=[f"--{name}={value}" for name, value in settings.items()])
    except (SystemExit, OSError) as failure:  # a port that is taken; an address that is none of this machine's
        hint = "name another one with --port, and an address of this machine with --ip"
        raise RunError(f"cannot listen on {ip}, port {port}", hint=hint) from failure
    server.no_browser_open_file = not opens_browser
    # no kernels but this interpreter, in which NSM is: the notebook never asks which one to take
    server.kernel_spec_manager.kernel_dirs = []
    server.web_app.settings["page_config_hook"] = _without_announcements
    return server


def _without_announcements(_: object, page: dict[str, Any]) -> dict[str, Any]:
    return page | {"disabledExtensions": [*page.get("disabledExtensions", []), ANNOUNCEMENTS]}


def _answers(url: str, token: str) -> bool:
    """Waits until the server answers; whether it does."""
    request = urllib.request.Request(url, headers={"Authorization": f"token {token}"})
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            with direct.open(request, timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    return False
