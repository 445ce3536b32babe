"""``nsm evaluate``."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Command, JsonCommand

KEYS = {
    "split", "samples", "accuracy", "majority", "ceiling", "auc", "ece", "per_class", "reconstruction_exact",
    "reconstruction_abstract", "decoded", "by_distance", "by_length", "protocol",
}  # fmt: skip


@pytest.fixture
def run(nsm_json: JsonCommand, settings: Path) -> Path:
    return Path(nsm_json("train", "planning", "--config", str(settings), "--run", "one")[1]["run"])


def test_one_object_with_the_keys_that_tools_rely_on(nsm_json: JsonCommand, run: Path) -> None:
    status, told = nsm_json("evaluate", str(run))
    assert status == 0
    assert told.keys() >= KEYS
    assert told["accuracy"] == json.loads((run / "final_results.json").read_text())["accuracy"]


def test_by_name_for_people(nsm: Command, run: Path) -> None:
    status, out, err = nsm("evaluate", "one", "--root", str(run.parents[2]), "--split", "val")
    assert status == 0
    assert "evaluating" in err
    lines = out.splitlines()
    assert lines[0].split() == ["val", "24", "graphs"]
    assert lines[1].startswith("accuracy")
    assert "majority 50.00%" in lines[1]
    assert re.fullmatch(r"ECE +0\.\d{3} \(0\.\d{3} at temperature [\d.]+, 0\.\d{3} by chance\)", lines[3])
    assert re.fullmatch(
        r"abstract +[\d.]+ \([\d.]+ from the stored graphs alone; \d+% of the nodes at the top\)", lines[5]
    )
    assert lines[-1].split(maxsplit=1) == ["report", str(run / "report_val.html")]


def test_on_other_data(nsm_json: JsonCommand, run: Path) -> None:
    status, told = nsm_json("evaluate", str(run), "--set", "planning.graphs=200", "--name", "more")
    assert status == 0
    assert told["data"]["settings"] == ["planning.graphs=200"]
    status, found = nsm_json("compare", str(run), "--split", "more")
    assert status == 0
    assert [row["mean"] for row in found["rows"]] == [told["accuracy"]]
    status, told = nsm_json("evaluate", str(run), "--name", "more")
    assert status == 2
    assert told["hint"] == "say which: --set KEY=VALUE"
