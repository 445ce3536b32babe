"""Figures in the documents are those of the files that they name."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import mean

import pytest

from tests.benchmark_runs import ROOT, read

RESULTS = ROOT / "benchmarks" / "results"
DOMAINS = {"planning": "planning", "causal": "causal", "knowledge graphs (UMLS)": "umls"}
NUMBER = re.compile(r"[+-]?\d+\.\d+")


def cells(document: Path, name: str) -> list[str]:
    """The first row of a name in a document's tables."""
    lines = document.read_text(encoding="utf-8").splitlines()
    line = next(line for line in lines if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("document", ["docs/cross-domain-comparison.md", "experiments/README.md"])
@pytest.mark.parametrize("name", DOMAINS)
def test_the_domains_beside_each_other(document: str, name: str) -> None:
    found = [read(file)["sets"]["test"] for file in (RESULTS / "quality").glob(f"{DOMAINS[name]}_hierarchy_*.json")]
    accuracies = [100 * one["accuracy"] for one in found]
    told = cells(ROOT / document, name)
    assert told[1] == f"{mean(accuracies):.1f} ({min(accuracies):.1f} to {max(accuracies):.1f})"
    ceilings = [100 * one["ceiling"] for one in found if one["ceiling"] is not None and one["ceiling"] < 1]
    if ceilings:
        assert NUMBER.findall(told[3]) == [f"{mean(ceilings):.1f}"]
    if len(told) > 5:
        assert told[5] == f"{mean(one['reconstruction_abstract'] for one in found):.2f}"


def test_longer_and_larger_plans() -> None:
    """Every figure of the table is in the table of the results, in the row of the same set."""
    glance = (RESULTS / "quality.md").read_text(encoding="utf-8").split("## Reconstruction")[0]
    whole = (
        (RESULTS / "quality.md").read_text(encoding="utf-8").split("## planning\n")[1].split("## planning-held-out")[0]
    )
    parts = {name: whole.split(f"### {name}\n")[1].split("\n| distance")[0] for name in ("test", "longer", "larger")}
    for name in ("hierarchy", "flat, 8 layers", "flat, 8 layers, `flat-8-long`"):
        model = name.replace("flat, 8 layers, ", "").replace("flat, 8 layers", "flat-8").strip("`")
        for told, part in zip(cells(ROOT / "docs" / "training.md", name)[1:], parts.values(), strict=True):
            assert f"| {model} | {told} |" in part
    for name, column in (("hierarchy less `flat-8`", 8), ("hierarchy less `flat-8-long`", 10)):
        for told, part in zip(cells(ROOT / "docs" / "training.md", name)[1:], parts, strict=True):
            line = next(line for line in glance.splitlines() if line.startswith(f"| planning | {part} |"))
            row = [cell.strip() for cell in line.strip("|").split("|")]
            assert row[column].startswith(told.split()[0] + ",")
            if column == 10:
                assert row[4].startswith(told[:-1])
