"""The ablations on tiny data: each variant beside the default, trained as long."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.benchmark_runs import ROOT, read, run_benchmark, run_python

ablations = partial(run_benchmark, "ablations")
VARIANTS = ("default", "levels-1", "levels-2", "untyped", "top")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ablations") / "ablations"
    ablations(folder, "--quick", "--seeds", "0", "--variants", *VARIANTS)
    return folder


def test_each_variant_changes_one_thing(results: Path) -> None:
    names = {f"{name}_0.json" for name in VARIANTS if name != "levels-2"}  # which is the default of a quick look
    assert {file.name for file in results.glob("*.json")} == names
    found = {name: read(results / name) for name in names}
    default = found["default_0.json"]
    assert len({variant["epochs"] for variant in found.values()}) == 1
    one, untyped, top = (found[f"{name}_0.json"] for name in ("levels-1", "untyped", "top"))
    assert one["sets"]["test"]["reconstruction_abstract"] is None
    assert untyped["sets"]["test"]["reconstruction_abstract"] > 0
    assert untyped["parameters"] < default["parameters"] and top["parameters"] < default["parameters"]
    for variant in found.values():
        assert {name: of["items"] for name, of in variant["sets"].items()} == {
            name: default["sets"][name]["items"] for name in ("test", "longer")
        }


def test_the_table_has_the_default_in_its_place(results: Path) -> None:
    text = results.with_suffix(".md").read_text(encoding="utf-8")
    rows = {line.split(" | ")[0].strip("| "): line for line in text.splitlines() if line.startswith("| ")}
    defaults = {"levels-2 (the default)", "typed (the default)", "dual (the default)", "the default"}
    assert rows.keys() - {"variant"} == defaults | {"levels-1", "untyped", "top"}
    size = f"{read(results / 'default_0.json')['parameters']:,}"
    assert all(size in rows[name] for name in defaults)
    for name in ("levels-1", "untyped", "top"):
        assert rows[name].count("; one seed)") == 2  # a difference on either set
    assert not any("; one seed)" in rows[name] for name in defaults)


def test_what_is_there_is_not_repeated(results: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in results.glob("*.json")}
    ablations(results, "--quick", "--variants", *VARIANTS, "--seeds", "0")
    assert {file: file.stat().st_mtime_ns for file in results.glob("*.json")} == before
    assert "expected a name such as untyped_2" in ablations(results, "--quick", "--only", "untyped", status=2)
    assert "name another folder" in ablations(ROOT / "benchmarks" / "results" / "ablations", "--quick", status=2)


def test_blocks_are_spread_over_the_levels() -> None:
    code = "from ablations import spread; print([spread(6, levels) for levels in range(1, 5)], spread(1, 2))"
    assert run_python("-c", code).strip() == "[(6,), (5, 1), (4, 1, 1), (3, 1, 1, 1)] (1, 1)"
