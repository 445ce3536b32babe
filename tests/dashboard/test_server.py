from __future__ import annotations

import ipaddress
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from nsm.dashboard import server as module
from nsm.dashboard.server import require_jupyter
from nsm.errors import NSMError
from tests.notebooks import run_cells

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 300  # seconds for a process to start or to end


class Stays(urllib.request.HTTPRedirectHandler):
    """Follows nothing: what leads to the page for logging in is an answer too."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


@dataclass
class Running:
    """A server that was started as a user starts it."""

    process: subprocess.Popen[str]
    told: dict[str, Any]
    log: Path
    outside: list[bytes] = field(default_factory=list)

    @property
    def token(self) -> str:
        return str(self.told["url"]).partition("token=")[2]

    def request(
        self, path: str, *, token: str | None = None, data: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        headers = ({"Authorization": f"token {token}"} if token else {}) | (headers or {})
        address = f"http://127.0.0.1:{self.told['port']}{path}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), Stays)
        try:
            with opener.open(urllib.request.Request(address, data, headers), timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as failure:
            return failure.code, failure.read().decode()

    def start_kernel(self) -> psutil.Process:
        before = set(self.kernels())
        status, _ = self.request("/api/kernels", token=self.token, data=b'{"name": "python3"}')
        assert status == 201
        (kernel,) = set(self.kernels()) - before
        return kernel

    def kernels(self) -> list[psutil.Process]:
        children = psutil.Process(self.process.pid).children()
        living = [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
        return [child for child in living if "ipykernel_launcher" in child.cmdline()]


@contextmanager
def running(folder: Path, *arguments: str, outside: str = "") -> Iterator[Running]:
    """``nsm notebook`` in a folder, with Jupyter's own files there too; ended as Ctrl-C ends it."""
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "HOME")
    private = {name: str(folder / ".jupyter" / name) for name in names}
    private |= {"http_proxy": outside, "https_proxy": outside} if outside else {}
    environment = {
        k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy") and k != "NSM_ROOT"
    } | private
    environment["PATH"] = os.defpath  # whoever calls the program by its path need not have its folder there
    environment |= {"PYTHONPATH": str(ROOT), "no_proxy": "127.0.0.1" if outside else ""}
    command = [sys.executable, "-m", "nsm", "notebook", str(folder), "--no-browser", "--json", *arguments]
    log = folder / "server.log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=stream, text=True, env=environment, start_new_session=True
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, log.read_text()
        yield Running(process, json.loads(line), log)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for the tests that only ask it things; whatever asks for the outside comes to a socket here."""
    folder, heard = tmp_path_factory.mktemp("served"), []
    with socket.create_server(("127.0.0.1", 0)) as proxy:

        def listen() -> None:
            while True:
                try:
                    connection, _ = proxy.accept()
                except OSError:
                    return
                heard.append(connection.recv(200))
                connection.close()

        threading.Thread(target=listen, daemon=True).start()
        with running(folder, outside=f"http://127.0.0.1:{proxy.getsockname()[1]}") as server:
            server.outside = heard
            yield server


def test_who_has_no_token_is_turned_away(served: Running) -> None:
    for path in ("/api/contents", "/api/kernels", "/api/status"):
        assert served.request(path)[0] == 403
        assert served.request(path, token="0" * 48)[0] == 403
        assert served.request(path, token=served.token)[0] == 200


def test_without_the_token_there_is_no_page_no_file_and_no_channel(served: Running) -> None:
    served.start_kernel()
    kernels = json.loads(served.request("/api/kernels", token=served.token)[1])
    channel = f"/api/kernels/{kernels[0]['id']}/channels"
    for path in ("/", "/lab", "/lab/tree/NSM_Training_Dashboard.ipynb", "/files/NSM_Training_Dashboard.ipynb"):
        status, page = served.request(path)
        assert (status, page) in ((302, ""), (403, page)), path
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "x"}
    assert served.request(channel, headers=upgrade)[0] == 403


def test_another_site_cannot_use_the_browsers_login(served: Running) -> None:
    """A browser sends its cookies with whatever a page asks; only a page of ours knows what has to go with them."""
    told = served.told
    browser = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor())
    address = f"http://127.0.0.1:{told['port']}/api/kernels"
    for url in (told["url"], address):  # the first one logs in
        with browser.open(url, timeout=60) as page:
            assert page.status == 200
    with pytest.raises(urllib.error.HTTPError) as refused:
        browser.open(urllib.request.Request(address, b"{}"), timeout=60)
    with refused.value as answer:
        assert answer.code == 403 and b"_xsrf" in answer.read()


def test_it_listens_on_loopback_only_and_so_do_its_kernels(served: Running) -> None:
    kernel = served.start_kernel()
    processes = [psutil.Process(served.process.pid), kernel]
    addresses = {
        connection.laddr.ip
        for process in processes
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses
    assert all(ipaddress.ip_address(address).is_loopback for address in addresses)


def test_the_token_is_in_no_process_list_and_no_log(served: Running) -> None:
    served.request("/lab?token=" + "f" * 48)  # a wrong one is logged, without itself
    served.start_kernel()
    commands = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    assert any("nsm notebook" in command for command in commands)
    assert not [command for command in commands if served.token in command]
    folder = served.log.parent
    assert served.token not in served.log.read_text()
    readable = [path for path in folder.rglob("*") if path.is_file() and served.token.encode() in path.read_bytes()]
    for path in readable:  # Jupyter's own note of it, for the user alone
        assert path.stat().st_mode & 0o077 == 0 or path.parent.stat().st_mode & 0o077 == 0


def test_it_opens_on_the_notebook_and_names_the_folders(served: Running) -> None:
    told, folder = served.told, served.log.parent
    assert told["notebook"] == str(folder / "NSM_Training_Dashboard.ipynb") and Path(told["notebook"]).is_file()
    assert (told["is_new"], told["is_edited"], told["ip"]) == (True, False, "127.0.0.1")
    assert told["pid"] == served.process.pid
    assert told["root"] == str(folder / "checkpoints")
    assert "/lab/tree/NSM_Training_Dashboard.ipynb?token=" in told["url"]
    status, page = served.request("/lab/tree/NSM_Training_Dashboard.ipynb", token=served.token)
    assert status == 200
    settings = json.loads(re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', page, re.DOTALL)[1])  # type: ignore[index]
    assert "@jupyterlab/apputils-extension:announcements" in settings["disabledExtensions"]


def test_the_only_kernel_is_this_interpreter(served: Running) -> None:
    found = json.loads(served.request("/api/kernelspecs", token=served.token)[1])
    assert list(found["kernelspecs"]) == ["python3"]
    assert served.start_kernel().exe() == str(Path(sys.executable).resolve())


def test_kernels_know_where_runs_are_kept(served: Running) -> None:
    environment = served.start_kernel().environ()
    assert environment["NSM_ROOT"] == served.told["root"]
    assert environment["OMP_NUM_THREADS"]
    assert environment["PATH"].split(os.pathsep) == [str(Path(sys.executable).parent), *os.defpath.split(os.pathsep)]
    assert served.token not in environment.values()


def test_the_cell_for_tensorboard_opens_it(served: Running, tmp_path: Path) -> None:
    """In a kernel that has what those of the server have."""
    import nbformat

    notebook = nbformat.read(ROOT / "experiments" / "NSM_Training_Dashboard.ipynb", as_version=4)
    (source,) = (cell.source for cell in notebook.cells if "%tensorboard" in cell.source and cell.cell_type == "code")
    assert "TENSORBOARD = False" in source
    begin = f"import os\nfrom nsm.runs import Run\nrun = Run({str(tmp_path / 'x')!r})\nos.makedirs(run.folder)"
    end = """import os, signal
from tensorboard import manager
(one,) = manager.get_all()
os.kill(one.pid, signal.SIGTERM)
print(one.port)"""
    sources = [begin, source.replace("TENSORBOARD = False", "TENSORBOARD = True"), end]
    notebook.cells = [nbformat.v4.new_code_cell(text) for text in sources]
    environment = {k: v for k, v in served.start_kernel().environ().items() if not k.endswith("_proxy")}
    environment |= {"TMPDIR": str(tmp_path)}
    run_cells(notebook, tmp_path, environment)
    _, opened, ended = notebook.cells
    said = "".join(output.get("text", "") + str(output.get("data", "")) for output in opened.outputs)
    (port,) = ended.outputs[0]["text"].split()
    assert "ERROR" not in said and "iframe" in said and port in said


def test_an_address_of_another_machine_is_refused_in_a_sentence(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "JUPYTER_RUNTIME_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "nsm", "notebook", str(tmp_path), "--no-browser", "--ip", "192.0.2.1"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=PATIENCE, check=False)
    assert done.returncode == 2
    assert "cannot listen on 192.0.2.1, port 8888" in done.stderr and "--ip" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_outside_is_asked(served: Running) -> None:
    served.request("/lab", token=served.token)
    served.request("/lab/api/extensions?refresh=1", token=served.token)
    assert served.outside == []


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_new_token_and_another_port_for_each_server_and_a_clean_end(
    served: Running, tmp_path: Path, ending: signal.Signals
) -> None:
    port = served.told["port"]
    with running(tmp_path, "--port", str(port), "--root", str(tmp_path / "runs")) as other:
        assert other.told["port"] != port and other.token != served.token
        assert f"port {port} is taken" in other.log.read_text()
        assert other.told["root"] == str(tmp_path / "runs")
        kernel = other.start_kernel()
        other.process.send_signal(ending)
        assert other.process.wait(PATIENCE) == 0
        kernel.wait(PATIENCE)  # raises if it outlives its server
        assert not kernel.is_running()
        assert not list((tmp_path / ".jupyter").rglob("jpserver-*"))


def test_what_is_missing_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    present = module.importlib.util.find_spec
    monkeypatch.setattr(
        module.importlib.util, "find_spec", lambda name: None if name == "jupyterlab" else present(name)
    )
    with pytest.raises(NSMError, match=r"needs jupyterlab \(pip install 'nsm\[notebook\]'\)"):
        require_jupyter()


SERVING = """\
import sys
from pathlib import Path

from nsm.dashboard.server import serve

folder = Path(sys.argv[1])
folder.joinpath("work").mkdir()
told, seen = [], []


def is_over(activity):
    seen.append(activity)
    return len(seen) == 2


def fail(served):
    raise ValueError("the tunnel is closed")


how = {"opens_browser": False, "port": 18888, "token": "t" * 40, "kernels_in": folder / "work"}
if sys.argv[2] == "ends":
    heard = serve(folder / "N.ipynb", told.append, is_over=is_over, **how)
    path, activity = told[0].path, seen[-1]
    print(heard, path, told[0].url.endswith("?token=" + "t" * 40), activity.is_busy, activity.last > 1e9)
else:
    serve(folder / "N.ipynb", fail, **how)
"""


@pytest.mark.parametrize(("how", "status"), [("ends", 0), ("fails", 1)])
def test_whoever_serves_it_can_end_it(tmp_path: Path, how: str, status: int) -> None:
    (tmp_path / "N.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "NSM_ROOT": str(tmp_path / "runs")}
    done = subprocess.run(
        [sys.executable, "-c", SERVING, str(tmp_path), how],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stderr
    if status:
        assert "ValueError: the tunnel is closed" in done.stderr
    else:
        assert done.stdout.splitlines()[-1] == "None /lab/tree/N.ipynb True False True"
