"""The batch launcher, run by the real client: three domains at once, results home, one of them failing, mistakes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from nsm import pipeline
from tests.cloud.conftest import Client, Cloud
from tests.cloud.end_to_end.launches import NOTEBOOK, PRODUCTION, ROOT, VOLUME, written

pytestmark = pytest.mark.needs_modal


@pytest.fixture(scope="module")
def launched(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """All three domains, launched from a folder that is not the clone."""
    folder = tmp_path_factory.mktemp("elsewhere")
    client = cloud.start("run", str(PRODUCTION), "--config", str(written(folder)), "--run", "night", cwd=folder)
    assert client.wait() == 0, client.output
    return client


@pytest.fixture
def fetching(cloud: Cloud) -> dict[str, str]:
    return cloud.environment | {"PYTHONPATH": str(ROOT)}


def nsm(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nsm", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_three_calls_run_at_once(cloud: Cloud, launched: Client) -> None:
    calls = re.findall(r"^(\w+) +run night .* call (fc-\S+)$", launched.output, re.MULTILINE)
    assert [domain for domain, _ in calls] == ["causal", "planning", "kg"]
    begun = launched.output.index
    assert max(begun(f"{domain}: run night begins") for domain, _ in calls) < min(
        begun(f"{domain}: finished") for domain, _ in calls
    )
    assert {call["function"] for call in cloud.state()["calls"].values()} == {"train_domain"}


def test_the_table_says_what_each_came_to(launched: Client) -> None:
    table = launched.output[launched.output.index("┏") :]
    for column in ("accuracy", "majority", "ceiling", "per class", "collapse", "time", "GPU-hours", "cost"):
        assert column in table
    assert len(re.findall(r"│ +(?:causal|planning|kg) +│ finished", table)) == 3
    assert len(re.findall(r"\d+\.\d% \(\d+\.\d% to \d+\.\d%\)", table)) == 3
    assert "prices of 2026" in table


def test_the_volume_has_the_layout_of_a_root(cloud: Cloud, launched: Client) -> None:
    del launched
    listed = cloud.modal("volume", "ls", VOLUME, "causal/runs/night").stdout
    for name in ("config.toml", "history.jsonl", "best_model.pt", "last.pt", "final_results.json", "report.html"):
        assert f"causal/runs/night/{name}" in listed
    kept = cloud.volume(VOLUME)
    assert {path.name for path in kept.iterdir()} >= {"causal", "planning", "kg", "data", "launches"}
    assert (kept / "kg" / "runs" / "night" / "ranker.pt").is_file()


def test_a_checkpoint_comes_home_with_modal_alone(cloud: Cloud, launched: Client, tmp_path: Path) -> None:
    del launched
    cloud.modal("volume", "get", VOLUME, "causal/best_model.pt", str(tmp_path / "best_causal.pt"))
    (tmp_path / "local_results").mkdir()
    cloud.modal("volume", "get", VOLUME, "causal", "./local_results", cwd=tmp_path)
    for file in (tmp_path / "best_causal.pt", tmp_path / "local_results" / "causal" / "best_model.pt"):
        checkpoint = torch.load(file, weights_only=True)
        assert checkpoint["epoch"] in (1, 2) and 0 <= checkpoint["val_acc"] <= 1


def test_fetched_results_are_runs_like_any_other(fetching: dict[str, str], launched: Client, tmp_path: Path) -> None:
    del launched
    done = nsm(fetching, "fetch", "night", "--root", str(tmp_path), "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert sorted(told["runs"]) == [
        str(tmp_path / domain / "runs" / "night") for domain in ("causal", "kg", "planning")
    ]
    again = json.loads(nsm(fetching, "fetch", "night", "--root", str(tmp_path), "--json").stdout)
    assert (again["files"], again["skipped"] > 20) == (0, True)
    compared = pipeline.compare(root=tmp_path)
    assert {row.domain for row in compared.rows} == {"causal", "planning", "kg"}
    here = tmp_path / "causal" / "runs" / "night"
    before = json.loads((here / "final_results.json").read_text())
    assert pipeline.evaluate(here, root=tmp_path, quiet=True).accuracy == before["accuracy"]


def test_a_domain_comes_home_as_in_the_guide(fetching: dict[str, str], launched: Client, tmp_path: Path) -> None:
    del launched
    done = nsm(fetching, "fetch", "causal", "--root", str(tmp_path / "local_results"), "--no-data")
    assert done.returncode == 0, done.stderr
    assert "MB/s" in done.stdout
    checkpoint = torch.load(tmp_path / "local_results" / "causal" / "best_model.pt", weights_only=True)
    assert {"epoch", "val_acc"} <= checkpoint.keys()
    unknown = nsm(fetching, "fetch", "morning", "--root", str(tmp_path))
    assert unknown.returncode == 2 and "night" in unknown.stderr and "Traceback" not in unknown.stderr


def test_one_domain_fails_and_the_others_finish(cloud: Cloud, launched: Client, tmp_path: Path) -> None:
    del launched  # its data are on the volume
    settings = ("--config", str(written(tmp_path)), "--epochs", "1", "--run", "half")
    done = cloud.modal(
        "run",
        str(PRODUCTION),
        "--domains",
        "planning,causal",
        "--set",
        "planning.pddl=/nowhere",
        *settings,
        check=False,
    )
    assert done.returncode == 1
    assert re.search(r"^planning +failed: /nowhere: .+$", done.stdout, re.MULTILINE), done.stdout
    table = done.stdout[done.stdout.index("┏") :]
    assert re.search(r"│ planning +│ failed: +", table) and re.search(r"│ causal +│ finished", table)
    assert (cloud.volume(VOLUME) / "causal" / "runs" / "half" / "best_model.pt").is_file()


def test_a_launch_is_looked_at_again_later(cloud: Cloud, launched: Client, tmp_path: Path) -> None:
    calls = re.findall(r"call (fc-\S+)$", launched.output, re.MULTILINE)
    status = cloud.modal("run", str(PRODUCTION), "--status", ",".join(calls), cwd=tmp_path)
    assert len(re.findall(r"^fc-\S+ +\w+ +finished", status.stdout, re.MULTILINE)) == 3
    collected = cloud.modal("run", str(PRODUCTION), "--collect", "night", cwd=tmp_path)
    assert len(re.findall(r"│ +(?:causal|planning|kg) +│ finished", collected.stdout)) == 3
    unknown = cloud.modal("run", str(PRODUCTION), "--collect", "morning", check=False)
    assert unknown.returncode == 2 and "the latest: " in unknown.stderr
    for call in ("zzz", "fc-zzz"):
        unknown = cloud.modal("run", str(PRODUCTION), "--status", call, check=False)
        assert unknown.returncode == 2
        assert f"Error: Modal knows no call '{call}'" in unknown.stderr and unknown.stderr.count("\n") == 1


@pytest.mark.parametrize("script", [PRODUCTION, NOTEBOOK], ids=lambda path: path.name)
@pytest.mark.parametrize(
    ("lacking", "said"),
    [("modal", "modal is not installed"), ("token", "no Modal token is set"), ("client", "start it")],
)
def test_what_is_missing_is_one_clear_line(cloud: Cloud, script: Path, lacking: str, said: str, tmp_path: Path) -> None:
    requests = len(cloud.calls())
    environment = dict(cloud.environment)
    command = [sys.executable, str(script)]
    if lacking == "token":
        command[1:1] = ["-m", "modal", "run"]
        environment = {name: text for name, text in environment.items() if not name.startswith("MODAL_TOKEN")}
    if lacking == "modal":
        (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['modal'] = None\n")
        environment["PYTHONPATH"] = str(tmp_path)
    done = subprocess.run(command, env=environment, cwd=os.sep, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ") and said in done.stderr and done.stderr.count("\n") == 1
    assert done.stdout == "" and len(cloud.calls()) == requests


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--domains", "causal,cooking"), "domain: expected"),
        (("--domains", ","), "domains: expected their names"),
        (("--set", "epocs=3"), "epocs"),
        (("--gpu", "TURBO"), "gpu: expected one of"),
        (("--config", "nowhere.toml"), "nowhere.toml"),
    ],
)
def test_a_mistake_is_told_before_anything_is_sent(cloud: Cloud, options: tuple[str, ...], said: str) -> None:
    requests = len(cloud.calls())
    done = cloud.modal("run", str(PRODUCTION), *options, check=False)
    assert done.returncode == 2
    assert said in done.stderr and done.stderr.count("\n") == 1
    assert len(cloud.calls()) == requests
