"""What Modal is told: images, functions and their limits, files, secrets. Both launchers are deployed and looked at."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from nsm.cloud.orders import make_orders
from tests.cloud.conftest import Cloud
from tests.cloud.end_to_end.launches import NOTEBOOK, PRODUCTION, ROOT, VOLUME, written

pytestmark = pytest.mark.needs_modal
SCRIPTS = {"train_domain": PRODUCTION, "hold_notebook": NOTEBOOK}

CALLER = """\
import json, sys
import modal

order = json.loads(sys.argv[1])
told = modal.Function.from_name("nsm-production", "train_domain").with_options(gpu="L4").remote(order)
print(json.dumps({"state": told["state"], "why": told["why"], "run": told["run"]}))
"""


@pytest.fixture(scope="module")
def state(cloud: Cloud) -> dict[str, Any]:
    """What the control plane knows after both were deployed."""
    for script in SCRIPTS.values():
        cloud.modal("deploy", str(script))
    return cloud.state()


def function(state: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [each for each in state["functions"].values() if each["name"] == name]
    return dict(found)


def chain(state: dict[str, Any], image: str) -> list[dict[str, Any]]:
    """The layers of an image, the lowest first."""
    layers = []
    while image:
        layers.append(state["images"][image])
        image = next(iter(state["images"][image]["bases"]), "")
    return layers[::-1]


def test_both_launchers_share_one_image(state: dict[str, Any]) -> None:
    assert function(state, "train_domain")["image"] == function(state, "hold_notebook")["image"]


def test_the_layers_are_pinned_and_in_the_right_order(state: dict[str, Any]) -> None:
    layers = chain(state, function(state, "train_domain")["image"])
    commands = [command for layer in layers for command in layer["commands"]]
    text = "\n".join(commands)
    assert re.search(r"^FROM python:3\.12", commands[0])
    installs = [number for number, command in enumerate(commands) if "pip install" in command and " -r " in command]
    settings = [number for number, command in enumerate(commands) if command.startswith("ENV NSM_ROOT")]
    assert {f"ENV {name}=1" for name in ("OMP_NUM_THREADS", "PYTHONUNBUFFERED")} <= {
        command.replace("'", "") for command in commands
    }
    assert installs and settings and installs[-1] < settings[0]
    assert not re.search(r"COPY .*nsm/", text)  # our own files are mounted: an edit rebuilds nothing
    sent = [content for layer in layers for content in layer["context_files"].values() if "torch==" in content]
    assert sent == [(ROOT / "requirements-cloud.lock").read_text(encoding="utf-8")]
    pins = [line for line in sent[0].splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    assert not [pin for pin in pins if pin.startswith("modal==")]  # Modal brings the client's own


@pytest.mark.parametrize("name", SCRIPTS)
def test_gpus_limits_and_volume(state: dict[str, Any], name: str) -> None:
    told = function(state, name)
    assert told["gpus"] == ["A100-40GB", "A100-80GB", "H100"]
    assert told["timeout"] == {"train_domain": 86_400, "hold_notebook": 4 * 3600}[name]
    assert told["retries"]["count"] == {"train_domain": 10, "hold_notebook": 0}[name]
    assert told["volumes"] == {"/checkpoints": VOLUME}


def test_the_package_is_sent_as_source_with_all_its_files(state: dict[str, Any]) -> None:
    told = function(state, "train_domain")
    sent = {file for mount in told["mounts"] for file in state["mounts"][mount]}
    package = {file.removeprefix("/root/nsm/") for file in sent if file.startswith("/root/nsm/")}
    here = {path.relative_to(ROOT / "nsm").as_posix() for path in (ROOT / "nsm").rglob("*") if path.is_file()}
    assert package == {name for name in here if not name.endswith(".pyc")}
    assert {"/root/modal_train_production.py", "/root/experiments/NSM_Training_Dashboard.ipynb"} <= sent
    assert not [file for file in sent if "/tests/" in file or file.endswith((".pyc", ".toml.local", ".env"))]


def test_other_gpus_can_be_asked_for(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, state: dict[str, Any]) -> None:
    del state  # the usual ones have been looked at
    monkeypatch.setitem(cloud.environment, "NSM_GPU", "l4, h100")
    monkeypatch.setitem(cloud.environment, "NSM_TIMEOUT", "7200")
    cloud.modal("deploy", str(PRODUCTION), "--name", "other")
    latest = [each for each in cloud.state()["functions"].values() if each["name"] == "train_domain"][-1]
    assert latest["gpus"] == ["L4", "H100"] and latest["timeout"] == 7200
    sent = [key for secret in cloud.state()["secrets"].values() for key in secret["keys"]]
    assert "NSM_TIMEOUT" in sent  # the script is read again in the container


def test_a_deployed_function_is_called_from_anywhere_and_no_secret_is_told(
    cloud: Cloud, state: dict[str, Any], tmp_path: Any
) -> None:
    assert {secret["name"]: secret["keys"] for secret in state["secrets"].values()} == {"": ["NSM_NOTEBOOK_TOKEN"]}
    (order,) = make_orders("causal", config=written(tmp_path), overrides="epochs=1", run="deployed")
    command = [sys.executable, "-c", CALLER, json.dumps(order.to_json())]
    done = subprocess.run(command, env=cloud.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"state": "finished", "why": None, "run": "deployed"}
    (variant,) = [each for each in cloud.state()["functions"].values() if each["variant_of"]]
    assert variant["gpus"] == ["L4"] and variant["volumes"] == {"/checkpoints": VOLUME}
    told = json.dumps(cloud.state()) + cloud.logs()
    for name in ("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET"):
        assert cloud.environment[name] not in told
