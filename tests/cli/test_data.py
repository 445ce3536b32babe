"""``nsm data show``."""

from __future__ import annotations

from pathlib import Path

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
