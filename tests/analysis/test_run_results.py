"""An evaluation is read back as it was written, and what is damaged is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nsm.analysis.run_results import flat_settings, read_predictions, read_result, split_file
from nsm.errors import RunError
from tests.analysis.made_runs import evaluate_as, make_run

RIGHT = np.array([True, True, False, True])


def test_what_was_written_is_read(tmp_path: Path) -> None:
    run = make_run(tmp_path, "a", model="flat", seed=7, fingerprint="f00d")
    assert read_result(run) is None
    evaluate_as(run, RIGHT)
    evaluate_as(run, ~RIGHT, split="val")
    found = read_result(run)
    assert found is not None
    assert (found.domain, found.model, found.seed, found.fingerprint) == ("planning", "flat", 7, "f00d")
    assert found.evaluation["accuracy"] == 0.75
    assert found.predictions.is_right.tolist() == RIGHT.tolist()
    assert found.predictions.classes == ("no", "yes")
    assert found.predictions.groups.tolist() == ["g0", "g0", "g1", "g1"]
    assert "logit_no" not in found.predictions.columns
    val = read_result(run, "val")
    assert val is not None and val.predictions.is_right.tolist() == (~RIGHT).tolist()


def test_damage_is_named(tmp_path: Path) -> None:
    run = make_run(tmp_path, "a")
    with pytest.raises(RunError, match="there are no predictions") as caught:
        read_predictions(run)
    assert f"nsm evaluate {run.folder}" in str(caught.value.hint)
    evaluate_as(run, RIGHT)
    run.predictions.write_bytes(b"PAR1 is not all of it")
    with pytest.raises(RunError, match="the predictions are damaged"):
        read_predictions(run)
    run.final_results.write_text('{"accuracy": 0.')
    with pytest.raises(RunError, match="the results are damaged"):
        read_result(run)
    run.final_results.write_text("{}")
    run.config.write_text("epochs = ")
    with pytest.raises(RunError, match="configuration of the run cannot be read") as caught:
        read_result(run)
    assert caught.value.file == str(run.config)


def test_names_of_files_and_keys() -> None:
    assert split_file(Path("a/results.json"), "test") == Path("a/results.json")
    assert split_file(Path("a/results.json"), "val") == Path("a/results_val.json")
    assert flat_settings({"a": 1, "b": {"c": {"d": 2}}}) == {"a": 1, "b.c.d": 2}
