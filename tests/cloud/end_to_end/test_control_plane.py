"""The control plane itself, by the real client and a small application."""

from __future__ import annotations

import ast
import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.cloud.conftest import ROOT, Client, Cloud

pytestmark = [pytest.mark.needs_modal, pytest.mark.usefixtures("things")]

APP = Path(__file__).with_name("small_app.py")


def wait_until(holds: Callable[[], bool], timeout: float = 120.0) -> None:
    until = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.1)


def names(cloud: Cloud, folder: str = "/") -> set[str]:
    listed = json.loads(cloud.modal("volume", "ls", "things", folder, "--json").stdout)
    return {entry["filename"] for entry in listed}


def hows(cloud: Cloud, function: str) -> list[str]:
    return [attempt["how"] for attempt in cloud.state()["attempts"] if attempt["function"] == function]


def containers(cloud: Cloud) -> list[dict[str, Any]]:
    return list(cloud.state()["containers"].values())


def run(cloud: Cloud, what: str, *arguments: str) -> str:
    return cloud.modal("run", f"{APP}::{what}", *arguments).stdout


def told(output: str, word: str) -> object:
    """What the application printed after a word."""
    return ast.literal_eval(next(line for line in output.splitlines() if line.startswith(f"{word} "))[len(word) + 1 :])


@pytest.fixture(scope="module")
def things(cloud: Cloud) -> Path:
    cloud.modal("volume", "create", "things")
    return cloud.volume("things")


SIZES = (0, 5, 9 * 1024 * 1024)  # bytes; the client sends a large file apart and fetches it in blocks


def test_files_come_back_from_a_volume_as_they_went(cloud: Cloud, tmp_path: Path) -> None:
    sent, back = tmp_path / "sent", tmp_path / "back"
    for folder in (sent, back):
        folder.mkdir()
    for size in SIZES:
        (sent / f"{size} & %41.bin").write_bytes((b"0123456789abcdef" * (size // 16 + 1))[:size])
    cloud.modal("volume", "put", "things", str(sent), "/folder/sent")
    assert names(cloud, "/folder/sent") == {f"folder/sent/{file.name}" for file in sent.iterdir()}
    again = cloud.modal("volume", "put", "things", str(sent), "/folder/sent", check=False)
    assert again.returncode and "already exists" in again.stdout + again.stderr
    cloud.modal("volume", "get", "things", "folder/sent", str(back))
    assert all((back / "sent" / file.name).read_bytes() == file.read_bytes() for file in sent.iterdir())


def test_only_what_is_committed_is_seen(cloud: Cloud, things: Path) -> None:
    assert cloud.modal("run", f"{APP}::write", "--name=lost", "--text=a", "--no-is-committed", check=False).returncode
    run(cloud, "write", "--name=first", "--text=a", "--is-committed")
    run(cloud, "write", "--name=first", "--text=later", "--is-committed")
    assert "lost" not in names(cloud) and (things / "first").read_text() == "later"


def test_a_commit_of_others_is_seen_after_a_reload(cloud: Cloud, things: Path, tmp_path: Path) -> None:
    client = cloud.start("run", f"{APP}::print_what_is_seen")
    wait_until(lambda: (things / "waiting").exists())
    (tmp_path / "other").write_text("of others")
    cloud.modal("volume", "put", "things", str(tmp_path / "other"), "/other")
    assert client.wait() == 0, client.output
    assert told(client.output, "seen") == (False, True)


def test_a_reload_is_refused_while_the_volume_is_in_use(cloud: Cloud) -> None:
    refused = told(run(cloud, "print_refusals"), "refused")
    assert isinstance(refused, list) and len(refused) == 2
    assert all("there are open files preventing the operation" in each for each in refused)
    reloads = [each["refused_for"] for each in cloud.state()["reloads"]]
    assert ["held"] in reloads and ["."] in reloads and reloads[-1] == []


def test_a_preempted_input_runs_again_and_uses_up_no_retry(cloud: Cloud, things: Path) -> None:
    clients = [cloud.start("run", f"{APP}::preempted", option) for option in ("--is-stubborn", "--no-is-stubborn")]
    for number in (1, 2):
        for kind in (True, False):
            wait_until(lambda name=f"preempted-{kind}-{number}": (things / name).exists())
        assert len(cloud.preempt("preempted", grace=1)) == 2
    for client in clients:
        assert client.wait() == 0, client.output
    assert sorted(hows(cloud, "preempted")) == ["ok"] * 2 + ["preempted"] * 4
    attempts = [attempt for attempt in cloud.state()["attempts"] if attempt["function"] == "preempted"]
    assert {attempt["retry"] for attempt in attempts} == {0}
    assert {attempt["exit_status"] for attempt in attempts if attempt["how"] == "preempted"} >= {137}
    assert all("interrupted" in client.output for client in clients)


def test_failures_are_retried_after_growing_delays(cloud: Cloud, things: Path) -> None:
    run(cloud, "troubled")
    assert hows(cloud, "troubled") == ["failure", "timeout", "lost", "ok"]
    starts = [float((things / f"troubled-{number}").read_text()) for number in (1, 2, 3, 4)]
    ends = [attempt for attempt in cloud.state()["attempts"] if attempt["function"] == "troubled"]
    assert ends[1]["seconds"] > 3
    assert [late - early > delay for late, early, delay in zip(starts[1:], starts, (0.5, 3 + 1, 2), strict=False)]
    assert starts[3] - starts[2] > 2


def test_a_time_out_without_retries_is_an_error(cloud: Cloud) -> None:
    done = cloud.modal("run", f"{APP}::slow", check=False)
    assert done.returncode == 1
    assert "timeout of 2s" in done.stdout + done.stderr


def test_a_tunnel_leads_into_the_container_and_ends_with_it(cloud: Cloud) -> None:
    client = cloud.start("run", f"{APP}::serve", "--seconds=120")
    url = urlsplit(client.wait_for(r"tunnel (https://\S+)")[1])
    assert url.hostname is not None and url.port is not None
    tls = ssl.create_default_context(cafile=cloud.certificate)
    with (
        socket.create_connection((url.hostname, url.port), timeout=60) as plain,
        tls.wrap_socket(plain, server_hostname=url.hostname) as secure,
    ):
        secure.sendall(b"hello\n")
        assert secure.makefile().read() == "HELLO\n"
    assert cloud.state()["tunnels"][-1]["is_open"]
    client.interrupt()
    client.wait()
    wait_until(lambda: not cloud.state()["tunnels"][-1]["is_open"])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((url.hostname, url.port), timeout=60)


def interrupted(cloud: Cloud, things: Path, *options: str) -> tuple[Client, str]:
    """A client that is interrupted once its call runs, and the application's id."""
    (things / "enduring").unlink(missing_ok=True)
    client = cloud.start("run", *options, f"{APP}::endure", "--seconds=8")
    wait_until(lambda: (things / "enduring").exists())
    app = client.wait_for(r"View run at \S+/(ap-\d+)")[1]
    client.interrupt()
    client.wait()
    return client, app


def test_interrupting_an_attached_client_ends_its_containers(cloud: Cloud, things: Path) -> None:
    client, app = interrupted(cloud, things)
    assert "Disconnecting" in client.output
    wait_until(lambda: not any(each["is_running"] for each in containers(cloud)))
    assert (things / "ended").read_text() == "gracefully"
    assert hows(cloud, "endure")[-1] == "stopped"
    assert cloud.state()["apps"][app]["is_stopped"]


def test_interrupting_a_detached_client_ends_nothing(cloud: Cloud, things: Path) -> None:
    _, app = interrupted(cloud, things, "--detach")
    listed = json.loads(cloud.modal("container", "list", "--json").stdout)
    assert [entry["app_id"] for entry in listed] == [app]
    wait_until(lambda: hows(cloud, "endure")[-1] == "ok")
    assert "enduring" in cloud.modal("app", "logs", app).stdout
    cloud.modal("app", "stop", app, "--yes")
    assert cloud.state()["apps"][app]["is_stopped"]


CANCEL = "import modal, sys; modal.FunctionCall.from_id(sys.argv[1]).cancel()"
FETCH = "import modal, sys; print(modal.FunctionCall.from_id(sys.argv[1]).get(timeout=float(sys.argv[2])))"
CALL = "import modal; print(modal.Function.from_name('small', 'look').remote('/root')['files'])"


def python(cloud: Cloud, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=cloud.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def left(cloud: Cloud, seconds: float) -> str:
    """The id of a call that goes on without its client."""
    client = cloud.start("run", "--detach", f"{APP}::leave", f"--seconds={seconds}")
    call = client.wait_for(r"call (fc-\w+)")[1]
    client.close()
    return call


def test_a_detached_call_is_fetched_by_its_id(cloud: Cloud) -> None:
    done = python(cloud, FETCH, left(cloud, 3), "60")
    assert done.stdout == "endured\n", done.stderr
    assert "NotFoundError" in python(cloud, FETCH, "fc-987", "0").stderr


def test_a_call_is_cancelled(cloud: Cloud) -> None:
    call = left(cloud, 600)
    wait_until(lambda: any(each["call"] == call and each["has_input"] for each in containers(cloud)))
    assert not python(cloud, CANCEL, call).returncode
    wait_until(lambda: cloud.state()["calls"][call]["outputs"] == ["GENERIC_STATUS_TERMINATED"])
    wait_until(lambda: not any(each["is_running"] for each in containers(cloud)))


def test_a_deployed_function_is_found_by_name(cloud: Cloud) -> None:
    cloud.modal("deploy", str(APP))
    done = python(cloud, CALL)
    assert "small_app.py" in done.stdout, done.stderr
    first = [key for key, app in cloud.state()["apps"].items() if app["states"][-1] == "APP_STATE_DEPLOYED"]
    cloud.modal("deploy", str(APP))
    again = [key for key, app in cloud.state()["apps"].items() if app["states"][-1] == "APP_STATE_DEPLOYED"]
    assert first == again and len(first) == 1
    cloud.modal("app", "stop", "small", "--yes")
    assert "NotFoundError" in python(cloud, CALL).stderr


def test_a_container_sees_what_was_sent_and_not_this_checkout(cloud: Cloud, things: Path) -> None:
    places = ["/things", str(ROOT / "nsm" / "config"), str(things)]
    assert all(Path(place).is_dir() for place in places[1:])
    several = told(run(cloud, "call_several", f"--paths={':'.join(places)}"), "several")
    assert isinstance(several, list) and [each["seen"] for each in several] == [["/things"], [], []]
    for each in several:
        assert "small_app.py" in each["files"]
        assert each["colour"] == "sea green" and each["password"] == "open sesame"
        assert each["processes"] < 10, "it sees processes of this machine"
    assert "open sesame" not in json.dumps(cloud.state())


def test_a_variant_has_its_own_gpu(cloud: Cloud) -> None:
    assert told(run(cloud, "vary"), "varied") == ["/root"]
    variants = [function for function in cloud.state()["functions"].values() if function["variant_of"]]
    assert [variants[-1]["gpus"], variants[-1]["timeout"]] == [["H100"], 60]


def test_large_results_and_long_lines_are_kept_whole(cloud: Cloud) -> None:
    output = run(cloud, "fetch_large")
    assert f"intact {5 * 2**20}" in output
    assert "x" * 300_000 + "end of the line" in cloud.logs()


REFUSED = {
    "gpu='Z80'": "Unknown GPU type 'Z80'",
    "gpu=['A100-40GB', 'A1000']": "Unknown GPU type 'A1000'",
    "timeout=86_401": "86400",
    "retries=11": "10",
}


@pytest.mark.parametrize("option", REFUSED)
def test_what_modal_refuses_is_refused(cloud: Cloud, tmp_path: Path, option: str) -> None:
    file = tmp_path / "refused.py"
    file.write_text(f"import modal\napp = modal.App('refused')\n@app.function({option})\ndef work() -> None: pass\n")
    done = cloud.modal("run", str(file), check=False)
    assert done.returncode == 1 and REFUSED[option] in done.stdout + done.stderr


def test_a_function_that_cannot_be_imported_says_why(cloud: Cloud, tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text(
        "import modal\napp = modal.App('broken')\nif not modal.is_local():\n    import no_such_module\n"
        "@app.function()\ndef work() -> None: pass\n"
    )
    done = cloud.modal("run", str(file), check=False)
    assert done.returncode == 1 and "No module named 'no_such_module'" in done.stdout + done.stderr


def test_a_wrong_token_is_refused(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cloud.environment, "MODAL_TOKEN_SECRET", "as-wrong")
    done = cloud.modal("volume", "ls", "things", check=False)
    assert done.returncode == 1 and "Token missing" in done.stdout + done.stderr


def test_nothing_that_the_client_asks_is_unknown(cloud: Cloud) -> None:
    assert cloud.state()["unimplemented"] == []
    assert {"FunctionMap", "VolumeCommit", "AppClientDisconnect", "TunnelStart"} <= set(cloud.calls())


def commands() -> set[str]:
    """The command lines of all processes."""
    found = set()
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.add(file.read_text().replace("\0", " "))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("is_killed", [False, True])
def test_nothing_is_left_when_it_ends(tmp_path: Path, is_killed: bool) -> None:
    made = Cloud(tmp_path / "cloud", [])
    made.start("run", f"{APP}::endure", "--seconds=600").wait_for("enduring")
    mine = str(tmp_path / "cloud")
    assert any(mine in command for command in commands()) and any("sleep(987)" in each for each in commands())
    if is_killed:
        made.process.kill()
    made.close()
    assert made.log() == ""
    wait_until(lambda: not any(mine in each or "sleep(987)" in each for each in commands()))
    assert mine not in Path("/proc/mounts").read_text()


def test_what_would_never_end_is_ended(tmp_path: Path) -> None:
    made = Cloud(tmp_path / "cloud", [], "--patience=4", "--grace=2")
    made.environment["MODAL_HEARTBEAT_INTERVAL"] = "1"
    try:
        run(made, "linger")
        client = made.start("run", f"{APP}::endure", "--seconds=600")
        client.wait_for("enduring")
        time.sleep(5)
        assert hows(made, "endure") == [], "its client lives"
        client.close()
        wait_until(lambda: hows(made, "endure") == ["stopped"])
        first = made.state()["attempts"][0]
        assert (first["how"], first["exit_status"]) == ("ok", 137)
    finally:
        made.close()
