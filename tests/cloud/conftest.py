"""A Modal of one's own for the tests of a file: the fixture `cloud`."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

import pytest

from tests.cloud.fake_modal.isolation import parent_death

collect_ignore_glob = ["fake_modal/*"]  # no tests are in there, and it cannot be imported without modal

ROOT = Path(__file__).resolve().parents[2]
KEPT = ("PATH", "LANG", "PYTHONPATH", "OMP_NUM_THREADS")
LONG = 300.0  # seconds; nothing here should take so long, on the slowest machine


class Client:
    """A running ``modal``, its output gathered line by line (standard error too)."""

    def __init__(self, command: list[str], environment: Mapping[str, str], cwd: Path | None) -> None:
        self.process = subprocess.Popen(
            command,
            env=environment,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._lines: list[str] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            for line in stream:
                with self._news:
                    self._lines.append(line.rstrip("\n"))
                    self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def lines(self) -> list[str]:
        """What it printed so far."""
        with self._news:
            return list(self._lines)

    @property
    def output(self) -> str:
        """What it printed so far, as one text."""
        return "\n".join(self.lines())

    def wait_for(self, pattern: str, timeout: float = LONG) -> re.Match[str]:
        """The first line that has the pattern, as soon as it comes."""
        until = time.monotonic() + timeout
        seen = 0
        while True:
            with self._news:
                for line in self._lines[seen:]:
                    if match := re.search(pattern, line):
                        return match
                seen = len(self._lines)
                if not self._reader.is_alive() or time.monotonic() >= until:
                    raise AssertionError(f"no line with {pattern!r} came:\n" + "\n".join(self._lines))
                self._news.wait(min(0.5, max(until - time.monotonic(), 0)))

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def wait(self, timeout: float = LONG) -> int:
        """Its exit status, once it has ended and its output is read."""
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end:\n{self.output}") from None
        self._reader.join(timeout)
        return status

    def close(self) -> None:
        """Ends it if it runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.wait()


class Cloud:
    """A control plane and its clients.

    Attributes:
        environment: What a client needs to talk to it; nothing of the user's own configuration.
        certificate: What vouches for the tunnels: ``ssl.create_default_context(cafile=cloud.certificate)``.
        work: Where its volumes and the containers' working copies lie.
    """

    def __init__(self, folder: Path, hidden: list[Path], *options: str) -> None:
        self.folder, self.work = folder, folder / "work"
        self.clients: list[Client] = []
        (folder / "home").mkdir(parents=True)
        told = folder / "environment"
        given = [f"--env={told}", f"--work={self.work}", *(f"--hide={path}" for path in hidden), *options]
        self._log = (folder / "control-plane.log").open("w+")
        careful = ["-W", "ignore", "-W", "always::ResourceWarning", "-W", "always::RuntimeWarning"]
        command = [*parent_death("TERM"), sys.executable, *careful, "-m", "tests.cloud.fake_modal", *given]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            self._await(told)
        except BaseException:
            self.close()
            raise
        words = shlex.split(told.read_text())
        variables = dict(word.split("=", 1) for word in words if word != "export")
        self.control = variables["FAKE_MODAL_CONTROL"]
        self.certificate = Path(variables["FAKE_MODAL_CA"])
        self.environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        self.environment |= {"HOME": str(folder / "home"), "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
        self.environment |= {"PYTHONUNBUFFERED": "1", **variables}

    def _await(self, file: Path) -> None:
        until = time.monotonic() + 60
        while not file.exists():
            if self.process.poll() is not None or time.monotonic() >= until:
                raise AssertionError(f"the control plane did not start:\n{self.log()}")
            time.sleep(0.02)

    def log(self) -> str:
        """What the control plane itself wrote: nothing, if all is well."""
        return Path(self._log.name).read_text()

    def modal(
        self, *arguments: str, cwd: Path | None = None, timeout: float = LONG, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Runs ``modal`` with the arguments; with ``check`` a failure is one of the test."""
        done = subprocess.run(
            [sys.executable, "-m", "modal", *arguments],
            env=self.environment,
            cwd=cwd,
            timeout=timeout,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert not check or done.returncode == 0, f"{done.args}\n{done.stdout}\n{done.stderr}"
        return done

    def start(self, *arguments: str, cwd: Path | None = None) -> Client:
        """Starts ``modal`` with the arguments and comes back at once."""
        client = Client([sys.executable, "-m", "modal", *arguments], self.environment, cwd)
        self.clients.append(client)
        return client

    def _ask(self, path: str, method: str = "GET") -> bytes:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(f"{self.control}{path}", method=method), timeout=60) as response:
            body: bytes = response.read()
        return body

    def state(self) -> dict[str, Any]:
        """Everything that the control plane knows; `tests.cloud.fake_modal.control.told` says what."""
        told: dict[str, Any] = json.loads(self._ask("/state"))
        return told

    def calls(self) -> list[str]:
        """The names of all requests so far, in order."""
        names: list[str] = json.loads(self._ask("/calls"))
        return names

    def logs(self, app: str | None = None) -> str:
        """The output of all applications, or of one (by id)."""
        return self._ask(f"/logs?app={quote(app)}" if app else "/logs").decode()

    def preempt(self, function: str | None = None, grace: float | None = None) -> list[str]:
        """Preempts the running containers (of one function); their ids."""
        return self._command("/preempt", function=function, grace=grace)

    def commit(self, function: str | None = None) -> list[str]:
        """Commits the volumes of running containers as they are, as Modal does by itself; the containers' ids."""
        return self._command("/commit", function=function)

    def _command(self, path: str, **given: Any) -> list[str]:
        query = urlencode({name: value for name, value in given.items() if value is not None})
        told: list[str] = json.loads(self._ask(f"{path}?{query}", "POST"))
        return told

    def volume(self, name: str) -> Path:
        """The committed contents of a volume, to read only."""
        volume: str = self.state()["volumes"][name]
        return self.work / "volumes" / volume

    def __enter__(self) -> Cloud:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the clients and the control plane with everything that it started."""
        for client in self.clients:
            client.close()
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()


def _sources() -> list[Path]:
    """Where this project lies, and where an editable installation of it does: containers must not see either."""
    places = {ROOT}
    try:
        told = metadata.distribution("nsm").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        told = None
    if told:
        url = urlsplit(json.loads(told)["url"])
        if url.scheme == "file":
            places.add(Path(unquote(url.path)))
    return sorted(places)


def _outside_of_interpreter(folder: Path) -> list[Path]:
    """The folder, or what is in it as far as the interpreter does not live there."""
    needed = [Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()]
    if not any(place.is_relative_to(folder) for place in needed):
        return [folder]
    return [path for path in sorted(folder.iterdir()) if not any(place.is_relative_to(path) for place in needed)]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A control plane for the tests of one file; its containers see neither this checkout nor the tests' folders."""
    hidden = [path for folder in _sources() for path in _outside_of_interpreter(folder)]
    with Cloud(tmp_path_factory.mktemp("cloud"), [*hidden, tmp_path_factory.getbasetemp()]) as made:
        yield made
    assert made.process.returncode == 0, made.log()
    assert made.log() == "", "the control plane complained"
