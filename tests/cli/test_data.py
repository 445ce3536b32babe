"""``nsm data``: show, import and card."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command, JsonCommand


def test_graphs_as_one_object(nsm_json: JsonCommand, settings: Path) -> None:
    status, told = nsm_json("data", "show", "planning", "-n", "2", "--split", "test", "--config", str(settings))
    assert status == 0
    assert (told["domain"], told["split"], len(told["graphs"])) == ("planning", "test", 2)
    for graph in told["graphs"]:
        assert graph["triples"][0].keys() == {"head", "relation", "tail", "confidence", "level", "evidence"}
        assert Path(graph["picture"]).parent == settings.parent / "root" / "planning" / "graphs"
        assert Path(graph["picture"]).is_file()


def test_graphs_for_people(nsm: Command, settings: Path) -> None:
    pictures = settings.parent / "pictures"
    status, out, _ = nsm("data", "show", "planning", "--config", str(settings), "--out", str(pictures))
    assert status == 0
    assert [line.split(":")[0].split()[0] for line in out.splitlines() if line.startswith("graph")] == ["graph"] * 3
    assert out.count("--next-->") >= 9
    assert len(list(pictures.glob("*.png"))) == 3


def test_data_alone_shows_its_commands(nsm: Command) -> None:
    status, out, err = nsm("data")
    assert status == 2
    assert "show" in out + err


TRIPLES = """graph\thead\trelation\ttail\tlabel
g1\ta\tlikes\tb\tyes
g2\ta\tlikes\tb\tyes
g2\tb\tlikes\ta\tyes
g3\ta\tknows\tb\tno
"""


def test_import_and_look(nsm: Command, nsm_json: JsonCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.tsv").write_text(TRIPLES)
    status, told = nsm_json("data", "import", "t.tsv", "--name", "small", "--root", "root")
    assert (status, told["folder"], told["graphs"], told["triples"]) == (0, "root/data/small", 3, 4)
    status, out, _ = nsm("data", "import", "t.tsv", "--name", "small", "--root", "root", "--quiet")
    assert status == 0, "the same again changes nothing"
    assert out.startswith("imported  3 graphs")
    status, told = nsm_json("data", "show", "--data", "root/data/small", "-n", "1", "--root", "root")
    assert (status, told["domain"]) == (0, "own")
    assert told["graphs"][0]["triples"][0]["relation"] in ("likes", "knows")
    status, told = nsm_json("data", "card", "--data", "root/data/small", "--root", "root")
    assert (status, told["card"]) == (0, "root/own/cards/small.html")
    assert (told["licence"], told["audit"]["verdict"], told["audit"]["domain"]) == (
        "the user's",
        "inconclusive",
        "small",
    )


def test_a_card_for_people(nsm: Command, settings: Path) -> None:
    page = settings.parent / "card.html"
    status, out, _ = nsm("data", "card", "planning", "--config", str(settings), "--out", str(page), "-q")
    assert status == 0
    assert out.splitlines()[-1].split() == ["card", str(page)]
    assert page.is_file()
