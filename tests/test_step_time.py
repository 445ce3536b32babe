"""The benchmark of step times races the networks that the quality table compares, at their sizes."""

from __future__ import annotations

from pathlib import Path

from tests.benchmark_runs import read, run_python


def test_networks_of_one_size_take_turns(tmp_path: Path) -> None:
    file = tmp_path / "step_time.json"
    asked = ("--domains", "causal", "--graphs", "700", "--rounds", "1", "--json", str(file))
    told = run_python("benchmarks/step_time.py", *asked)
    assert "### causal: 4 training steps of 128 graphs" in told
    (contest,) = read(file)["contests"]
    rows = {row["name"]: row for row in contest["rows"]}
    assert list(rows) == ["hierarchy", "flat-8", "flat-4"]
    for row in rows.values():  # of one round the ratio is that of the times
        assert abs(row["ratio"] - row["milliseconds"] / rows["hierarchy"]["milliseconds"]) < 1e-6
    sizes = [int(row["note"].split()[0].replace(",", "")) for row in rows.values()]
    assert all(abs(size - sizes[0]) <= 0.05 * sizes[0] for size in sizes)
    assert file.with_suffix(".md").read_text(encoding="utf-8").startswith("- command: python benchmarks/step_time.py")
    few = run_python("benchmarks/step_time.py", "--domains", "causal", "--graphs", "240", status=2)
    assert "expected 512 training graphs for 4 full batches, got " in few and "Traceback" not in few
    assert "expected a whole number from 1 up" in run_python("benchmarks/step_time.py", "--graphs", "0", status=2)
