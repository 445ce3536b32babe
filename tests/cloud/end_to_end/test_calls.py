"""Calls on the control plane: attempts, tunnels, the client's leaving, calls by id and by name."""

from __future__ import annotations

import itertools
import json
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.cloud.conftest import Client, Cloud
from tests.cloud.end_to_end.runs import APP, containers, hows, python, run, wait_until

pytestmark = [pytest.mark.needs_modal, pytest.mark.usefixtures("things")]


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
    pauses = [late - early for early, late in itertools.pairwise(starts)]
    assert pauses[0] > 0.5 and pauses[1] > 5 + 1 and pauses[2] > 2, pauses


def test_delays_grow_to_a_limit() -> None:
    from modal_proto import api_pb2 as pb

    from tests.cloud.fake_modal.calls import delay

    policy = pb.FunctionRetryPolicy(retries=4, initial_delay_ms=500, backoff_coefficient=2.0, max_delay_ms=1500)
    assert [delay(policy, retry) for retry in (1, 2, 3, 4)] == [0.5, 1.0, 1.5, 1.5]
    assert delay(pb.FunctionRetryPolicy(retries=1), 1) == 0


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


def interrupted(cloud: Cloud, *options: str) -> tuple[Client, str]:
    """A client that is interrupted once its call runs, and the application's id."""
    client = cloud.start("run", *options, f"{APP}::endure", "--seconds=8")
    client.wait_for("enduring")
    app = client.wait_for(r"View run at \S+/(ap-\d+)")[1]
    client.interrupt()
    client.wait()
    return client, app


def test_interrupting_an_attached_client_ends_its_containers(cloud: Cloud, things: Path) -> None:
    client, app = interrupted(cloud)
    assert "Disconnecting" in client.output
    wait_until(lambda: not any(each["is_running"] for each in containers(cloud)))
    assert (things / "ended").read_text() == "gracefully"
    assert hows(cloud, "endure")[-1] == "stopped"
    assert cloud.state()["apps"][app]["is_stopped"]


def test_interrupting_a_detached_client_ends_nothing(cloud: Cloud) -> None:
    _, app = interrupted(cloud, "--detach")
    listed = json.loads(cloud.modal("container", "list", "--json").stdout)
    assert [entry["app_id"] for entry in listed] == [app]
    wait_until(lambda: hows(cloud, "endure")[-1] == "ok")
    wait_until(lambda: cloud.state()["apps"][app]["is_stopped"])
    assert (
        cloud.modal("app", "logs", app).stdout == cloud.modal("app", "logs", app, "--since=1h").stdout == "enduring\n"
    )


CANCEL = "import modal, sys; modal.FunctionCall.from_id(sys.argv[1]).cancel()"
FETCH = "import modal, sys; print(modal.FunctionCall.from_id(sys.argv[1]).get(timeout=float(sys.argv[2])))"
CALL = "import modal; print(modal.Function.from_name('small', 'look').remote('/root')['files'])"


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


def test_nothing_that_the_client_asks_is_unknown(cloud: Cloud) -> None:
    assert cloud.state()["unimplemented"] == []
    assert {"FunctionCallCancel", "FunctionGet", "AppStop", "TunnelStart"} <= set(cloud.calls())
