"""The notebook launcher: its address, its token, its sections through Jupyter's own interface, what is left of it."""

from __future__ import annotations

import json
import re
import ssl
import urllib.error
import urllib.request
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.cloud.conftest import Client, Cloud
from tests.cloud.end_to_end.launches import NOTEBOOK, VOLUME

pytestmark = pytest.mark.needs_modal
SETTINGS = 'DOMAIN = "causal"\nEPOCHS = 2\nBATCH_SIZE = 32\nCHANNELS = 8\nCAUSAL = {"graphs": 160}\nRUN = "seen"'


class Session:
    """A notebook in the cloud, seen from the user's machine."""

    def __init__(self, cloud: Cloud, client: Client) -> None:
        self.cloud, self.client = cloud, client
        address = urlsplit(client.wait_for(r"open +(https://\S+)$")[1])
        self.base, self.path = f"https://{address.netloc}", address.path
        self.token = parse_qs(address.query)["token"][0]
        self.trust = ssl.create_default_context(cafile=cloud.certificate)

    def request(self, path: str, *, token: str | None = None, method: str = "GET", body: Any = None) -> tuple[int, Any]:
        """Status and JSON of an answer; the text where it is none."""
        handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self.trust))
        headers = {} if token is None else {"Authorization": f"token {token}"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, headers, method=method)
        try:
            with urllib.request.build_opener(*handlers).open(request, timeout=60) as answer:
                status, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as failure:
            status, text = failure.code, failure.read().decode()
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text

    def run(self, kernel: str, code: str) -> str:
        """What a cell puts out, by the kernel's web socket.

        Raises:
            AssertionError: If the cell fails.
        """
        import websocket

        url = f"{self.base.replace('https', 'wss')}/api/kernels/{kernel}/channels?token={self.token}"
        socket = websocket.create_connection(url, sslopt={"context": self.trust}, timeout=300)
        asked = str(uuid.uuid4())
        header = {"msg_id": asked, "msg_type": "execute_request", "session": asked, "username": "", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        socket.send(json.dumps(message))
        said = []
        try:
            while True:
                came = json.loads(socket.recv())
                if came.get("parent_header", {}).get("msg_id") != asked:
                    continue
                kind, content = came["msg_type"], came["content"]
                if kind == "stream":
                    said.append(content["text"])
                elif kind in ("execute_result", "display_data"):
                    said.append(content["data"].get("text/plain", ""))
                elif kind == "error":
                    raise AssertionError("\n".join(content["traceback"]))
                elif kind == "status" and content["execution_state"] == "idle":
                    return "\n".join(said)
        finally:
            socket.close()


@pytest.fixture(scope="module")
def session(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Session:
    client = cloud.start("run", str(NOTEBOOK), "--idle-minutes", "30", cwd=tmp_path_factory.mktemp("elsewhere"))
    return Session(cloud, client)


@pytest.fixture(scope="module")
def kernel(session: Session) -> str:
    """The kernel of the dashboard, started as JupyterLab starts it."""
    asked = {"path": session.path.rpartition("/")[2], "name": "", "type": "notebook", "kernel": {"name": "python3"}}
    status, told = session.request("/api/sessions", token=session.token, method="POST", body=asked)
    assert status == 201
    return str(told["kernel"]["id"])


def test_it_answers_when_its_address_is_printed_and_only_with_the_token(session: Session) -> None:
    assert session.request("/api/contents", token=session.token)[0] == 200
    assert session.request("/api/contents")[0] == 403
    assert session.request("/api/contents", token="x" * len(session.token))[0] == 403
    status, page = session.request(f"{session.path}?token={session.token}")
    assert status == 200 and "jupyter-config-data" in page
    assert session.path == "/lab/tree/NSM_Training_Dashboard.ipynb"


def test_the_token_is_told_to_nobody_else(session: Session) -> None:
    assert len(session.token) >= 40
    told = json.dumps(session.cloud.state()) + session.cloud.logs()
    assert session.token not in told
    stored = session.cloud.volume(VOLUME)
    assert not [path for path in stored.rglob("*") if path.is_file() and session.token.encode() in path.read_bytes()]


def test_kernels_work_outside_of_the_volume_and_do_not_see_the_token(session: Session, kernel: str) -> None:
    code = "import os; print(os.getcwd(), os.environ['NSM_ROOT'], 'NSM_NOTEBOOK_TOKEN' in os.environ)"
    status, told = session.request("/api/kernels", token=session.token, method="POST", body={"name": "python3"})
    assert status == 201
    for started in (kernel, told["id"]):
        assert session.run(started, code).strip() == "/root/work /checkpoints False"


def test_sections_one_to_five_run_in_the_container(session: Session, kernel: str) -> None:
    status, told = session.request("/api/contents/NSM_Training_Dashboard.ipynb?content=1", token=session.token)
    assert status == 200
    section, said = 0, {}
    for cell in told["content"]["cells"]:
        title = re.search(r"^## (\d+)\. ", cell["source"], re.MULTILINE) if cell["cell_type"] == "markdown" else None
        section = int(title[1]) if title else section
        if cell["cell_type"] == "code" and 1 <= section <= 5 and "panel" not in cell["source"]:
            said[section] = said.get(section, "") + session.run(kernel, cell["source"])
            if "parameters" in cell["metadata"].get("tags", ()):
                session.run(kernel, SETTINGS)
    assert sorted(said) == [1, 2, 3, 4, 5]
    assert "finished: 2 epochs" in said[5]
    assert "/checkpoints/causal/runs/seen" in said[5]


def test_what_was_written_is_on_the_volume_after_the_end(session: Session, kernel: str) -> None:
    session.run(kernel, "open('/checkpoints/note.txt', 'w').write('kept'); open('here.txt', 'w').write('kept too')")
    assert "note.txt" not in session.cloud.modal("volume", "ls", VOLUME).stdout  # nothing is committed yet
    session.client.interrupt()
    session.client.wait()
    assert "the session has ended" in session.client.output
    assert "note.txt" in session.cloud.modal("volume", "ls", VOLUME).stdout
    assert "work/here.txt" in session.cloud.modal("volume", "ls", VOLUME, "work").stdout
    assert "causal/runs/seen/best_model.pt" in session.cloud.modal("volume", "ls", VOLUME, "causal/runs/seen").stdout
    assert not list((session.cloud.volume(VOLUME) / "sessions").iterdir())  # nothing leads to it any more


def test_a_preempted_session_goes_on_elsewhere(cloud: Cloud) -> None:
    client = cloud.start("run", str(NOTEBOOK))
    first = Session(cloud, client)
    status, _ = first.request(
        "/api/contents/note2.txt",
        token=first.token,
        method="PUT",
        body={"type": "file", "format": "text", "content": "kept"},
    )
    assert status == 201
    assert cloud.preempt("hold_notebook")
    address = client.wait_for(rf"open +(?!{first.base}/)(https://\S+)$")[1]
    first.base = address.partition("/lab")[0]
    assert address.endswith(f"?token={first.token}")
    assert first.request("/api/contents/note2.txt", token=first.token)[0] == 200
    client.interrupt()
    client.wait()


def test_nobody_there_ends_it(cloud: Cloud) -> None:
    (cloud.volume(VOLUME) / "NSM_Training_Dashboard.ipynb").read_text()  # from the session before
    client = cloud.start("run", str(NOTEBOOK), "--idle-minutes", "0.05")
    again = Session(cloud, client)
    assert client.wait() == 0, client.output
    assert "the session has ended: nobody has done anything" in client.output
    assert again.token not in cloud.logs()
