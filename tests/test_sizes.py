"""The table of sizes: longer plans are longer, and a graph of a larger problem is not as much larger."""

from __future__ import annotations

from pathlib import Path

from tests.benchmark_runs import run_python


def test_the_table_of_sizes(tmp_path: Path) -> None:
    file = tmp_path / "sizes.md"
    run_python("benchmarks/sizes.py", "--graphs", "20", "--file", str(file))
    rows = [line.strip("| ").split(" | ") for line in file.read_text(encoding="utf-8").splitlines() if "%" in line]
    assert {(name, what) for name, _, what, *_ in rows} == {
        (name, what) for name in ("longer", "larger") for what in ("objects", "steps")
    }
    assert len({family for _, family, *_ in rows}) == 5
    for name, _, what, median, most, own, *shares in rows:
        assert int(median) <= int(most)
        if what == "steps":
            assert (int(own) >= 48, int(own) <= 24) == ((True, False) if name == "longer" else (False, True))
            assert name == "larger" or shares == ["100%", "100%"]
    assert "expected a file in a folder" in run_python("benchmarks/sizes.py", "--file", str(file / "x"), status=2)
