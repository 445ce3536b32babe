from __future__ import annotations

import pytest

from nsm.cloud.choosing import choose, is_best_of_domain, run_of
from nsm.cloud.storage import RemoteFile
from nsm.errors import RunError

FILES = [
    RemoteFile(path, 1, 1)
    for path in (
        *("causal/best_model.pt", "causal/runs/a/last.pt", "causal/runs/a/.lock", "causal/runs/a/stop"),
        *("causal/runs/b/last.pt", "kg/runs/a/last.pt", "kg/runs/.background/x/train.log"),
        *("data/causal-1/meta.json", "launches/a.json", "note.txt"),
    )
]


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        (None, ["causal/best_model.pt", "causal/runs/a/last.pt", "causal/runs/b/last.pt", "kg/runs/a/last.pt"]),
        ("causal", ["causal/best_model.pt", "causal/runs/a/last.pt", "causal/runs/b/last.pt"]),
        ("a", ["causal/runs/a/last.pt", "kg/runs/a/last.pt"]),
        ("kg/runs/a", ["kg/runs/a/last.pt"]),
        ("kg/runs/a/", ["kg/runs/a/last.pt"]),
    ],
)
def test_what_belongs_to_a_domain_or_a_run(target: str | None, wanted: list[str]) -> None:
    assert [file.path for file in choose(FILES, target)] == wanted


def test_what_is_not_there_names_what_is() -> None:
    with pytest.raises(RunError, match=r"nothing called 'c' \(there are causal, kg; the latest runs: a, b\)"):
        choose(FILES, "c")
    with pytest.raises(RunError, match="nothing called 'planning/runs/a'"):
        choose(FILES, "planning/runs/a")
    with pytest.raises(RunError, match="it is empty"):
        choose([], None)


def test_a_file_belongs_to_a_run_or_is_the_best_of_a_domain() -> None:
    assert run_of("causal/runs/a/tb/events") == "causal/runs/a" and run_of("causal/runs/a") is None
    assert [is_best_of_domain(f"causal/{path}best_model.pt") for path in ("", "set/", "runs/a/")] == [True, True, False]
