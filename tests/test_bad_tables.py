"""What may be wrong in a user's tables: one error with file and line, status 2, and nothing left behind."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import Command, JsonCommand, nsm, nsm_json
from tests.test_bad_input import Mistake, files

__all__ = ["nsm", "nsm_json"]

TRIPLES = """graph\thead\trelation\ttail\tconfidence\tlevel
g1\ta\tlikes\tb\t0.5\t1
g1\tb\tlikes\tc\t\t2
g2\ta\tknows\tb\t1\t1
g3\tx\tknows\ty\t0\t1
"""
LABELS = """graph,label,group,split
g1,"yes, indeed",p1,train

g2,no,p1,train
g3,no,p2,test
"""
NODES = """graph\tnode\ttype\tage
g1\ta\tcat\t3
g1\tb\tcat\t4
g1\tc\tdog\t5
g2\ta\tcat\t3
g2\tb\tdog\t0.5
g3\tx\tdog\t1
g3\ty\tdog\t2
"""
LINES = """{"graph": "g1", "head": "a", "relation": "likes", "tail": "b", "label": 1}

{"graph": "g2", "head": "a", "relation": "knows", "tail": "b", "label": 0}
"""
PARQUET = {"graph": ["g1", "g2"], "head": ["a", "a"], "relation": ["r", "s"], "tail": ["b", "b"], "label": [0, 1]}
TEXTS = {
    "t.tsv": TRIPLES,
    "l.csv": LABELS,
    "n.tsv": NODES,
    "t.jsonl": LINES,
    "e.tsv": "",
    "b.tsv": "\n\n",
    "t.txt": TRIPLES,
}
ALL = "t.tsv --labels l.csv --nodes n.tsv"
LABEL_ROW = "g3,no,p2,test"

MISTAKES = {
    "two columns": Mistake(
        ALL,
        "t.tsv:4",
        "expected 6 columns (graph, head, relation, tail, confidence, level), got 2",
        ("t.tsv", "g2\ta\tknows\tb\t1\t1", "g2\ta"),
        hint="separate the columns by tabs",
    ),
    "an empty file": Mistake("e.tsv", "e.tsv", "the file is empty", hint="at least one row"),
    "only empty lines": Mistake("b.tsv", "b.tsv", "the file has only empty lines", hint="at least one row"),
    "an empty table of labels": Mistake("t.tsv --labels e.tsv", "e.tsv", "the file is empty"),
    "only a header": Mistake(ALL, "l.csv", "the table has no rows", ("l.csv", LABELS, "graph,label\n")),
    "no file": Mistake("none.tsv", "none.tsv", "the file does not exist"),
    "a folder": Mistake("t.tsv --labels .", ".", "expected a file, came a folder"),
    "unknown extension": Mistake(
        "t.txt", "t.txt", "expected the ending .tsv, .csv, .jsonl, .ndjson, .parquet, got '.txt'"
    ),
    "a label for an unknown graph": Mistake(
        ALL,
        "l.csv:5",
        "unknown graph 'g4': no triple in t.tsv belongs to it",
        ("l.csv", "g3,no", "g4,no"),
        hint="remove the row, or correct the name",
    ),
    "a graph without label": Mistake(
        ALL, "t.tsv:5", "the graph 'g3' has no label", ("l.csv", LABEL_ROW, ""), hint="add a row for it to l.csv"
    ),
    "an empty label": Mistake(
        ALL, "l.csv:4", "column 'label': expected a name, got nothing", ("l.csv", "g2,no", "g2,")
    ),
    "a second label": Mistake(
        ALL,
        "l.csv:6",
        "the graph 'g2' has a label already, in line 4",
        ("l.csv", LABEL_ROW, f"{LABEL_ROW}\ng2,no,p1,train"),
        hint="keep one row per graph",
    ),
    "confidence above 1": Mistake(
        ALL,
        "t.tsv:4",
        "column 'confidence': expected a number in [0, 1], got 1.5",
        ("t.tsv", "b\t1\t1", "b\t1.5\t1"),
        hint="or leave the cell empty for 1",
    ),
    "confidence below 0": Mistake(
        ALL, "t.tsv:2", "column 'confidence': expected a number in [0, 1], got -0.5", ("t.tsv", "0.5", "-0.5")
    ),
    "confidence is no number": Mistake(
        ALL, "t.tsv:2", "column 'confidence': expected a number in [0, 1], got 'high'", ("t.tsv", "0.5", "high")
    ),
    "confidence is not a number": Mistake(
        ALL, "t.tsv:2", "column 'confidence': expected a number in [0, 1], got nan", ("t.tsv", "0.5", "nan")
    ),
    "level below 1": Mistake(
        ALL, "t.tsv:3", "column 'level': expected a whole number in [1, 255], got 0", ("t.tsv", "c\t\t2", "c\t\t0")
    ),
    "half a level": Mistake(
        ALL, "t.tsv:3", "column 'level': expected a whole number in [1, 255], got 1.5", ("t.tsv", "c\t\t2", "c\t\t1.5")
    ),
    "bytes that are not UTF-8": Mistake(
        ALL,
        "t.tsv:3",
        "expected text in UTF-8, got the byte 0xFF in column 4",
        ("t.tsv", "g1\tb\t", "g1\t\xff\t"),
        hint="encoding UTF-8",
    ),
    "JSON that is not UTF-8": Mistake(
        "t.jsonl", "t.jsonl:3", "expected text in UTF-8", ("t.jsonl", "knows", "kn\xf6ws"), hint="encoding UTF-8"
    ),
    "an unknown node": Mistake(
        ALL, "n.tsv:6", "unknown node 'z': no triple of the graph 'g2' has it", ("n.tsv", "g2\tb", "g2\tz")
    ),
    "a node of an unknown graph": Mistake(ALL, "n.tsv:8", "unknown graph 'g4'", ("n.tsv", "g3\ty", "g4\ty")),
    "a node of another graph": Mistake(ALL, "n.tsv:6", "unknown node 'c'", ("n.tsv", "g2\tb", "g2\tc")),
    "a node with two rows": Mistake(
        ALL,
        "n.tsv:9",
        "the node 'y' of the graph 'g3' has a row already, in line 8",
        ("n.tsv", "y\tdog\t2", "y\tdog\t2\ng3\ty\tdog\t2"),
    ),
    "a node without row": Mistake(
        ALL,
        "n.tsv",
        "the node 'y' of the graph 'g3' has no row",
        ("n.tsv", "g3\ty\tdog\t2\n", ""),
        hint="every head and tail",
    ),
    "a feature that is no number": Mistake(
        ALL, "n.tsv:4", "column 'age': expected a number, got 'old'", ("n.tsv", "dog\t5", "dog\told")
    ),
    "an infinite feature": Mistake(
        ALL, "n.tsv:4", "column 'age': expected a number, got inf", ("n.tsv", "dog\t5", "dog\tinf")
    ),
    "no feature": Mistake(ALL, "n.tsv:4", "column 'age': expected a number, got nothing", ("n.tsv", "dog\t5", "dog\t")),
    "an unknown split": Mistake(
        ALL,
        "l.csv:5",
        "unknown split: expected 'train', 'val', 'test', got 'valid'",
        ("l.csv", "p2,test", "p2,valid"),
        hint="did you mean 'val'?",
    ),
    "a group in two splits": Mistake(
        ALL,
        "l.csv:5",
        "the group 'p1' is in the split 'train' in line 2 and in 'test' here",
        ("l.csv", "p2,test", "p1,test"),
        hint="keep a whole group in one split",
    ),
    "a broken line of JSON": Mistake(
        "t.jsonl",
        "t.jsonl:3",
        "expected a JSON object: Expecting ',' delimiter",
        ("t.jsonl", '"a", "relation": "knows"', '"a" "relation": "knows"'),
        hint="a line is one object",
    ),
    "JSON that is no object": Mistake(
        "t.jsonl", "t.jsonl:1", "expected a JSON object, got [1, 2]", ("t.jsonl", LINES.splitlines()[0], "[1, 2]")
    ),
    "a list in JSON": Mistake(
        "t.jsonl",
        "t.jsonl:3",
        """column 'tail': expected text or a number, got ["b"]""",
        ("t.jsonl", '"b", "label": 0', '["b"], "label": 0'),
    ),
    "a missing key in JSON": Mistake(
        "t.jsonl", "t.jsonl:3", "column 'label': expected a name, got nothing", ("t.jsonl", ', "label": 0', "")
    ),
    "labels that differ in one graph": Mistake(
        "t.jsonl", "t.jsonl:3", "the graph 'g1' has the label '1' in line 1 and '0' here", ("t.jsonl", '"g2"', '"g1"')
    ),
    "a missing column": Mistake(
        ALL,
        "t.tsv:1",
        "expected the columns graph, head, relation, tail, got graph, head, rel, tail",
        ("t.tsv", "relation", "rel"),
        hint="'relation' is missing",
    ),
    "a misspelt column": Mistake(
        ALL,
        "t.tsv:1",
        "unknown column 'confidance'",
        ("t.tsv", "confidence", "confidance"),
        hint="did you mean 'confidence'?",
    ),
    "a column twice": Mistake(
        ALL, "t.tsv:1", "expected each column once, got 'level' twice", ("t.tsv", "confidence", "level")
    ),
    "labels in two places": Mistake(
        "t.tsv --labels l.csv",
        "t.tsv:1",
        "expected no column 'label' beside a table of labels",
        ("t.tsv", "\tlevel", "\tlabel"),
        hint="leave it out",
    ),
    "no labels at all": Mistake(
        "t.tsv", "t.tsv:1", "expected the columns graph, head, relation, tail, label", hint="'label' is missing"
    ),
    "an empty name": Mistake(
        ALL, "t.tsv:3", "column 'head': expected a name, got nothing", ("t.tsv", "g1\tb\t", "g1\t\t")
    ),
    "Parquet without a column": Mistake(
        "short.parquet", "short.parquet", "tail, label, got graph, head, relation, label", hint="'tail' is missing"
    ),
    "Parquet with a bad number": Mistake(
        "bad.parquet", "bad.parquet:2", "column 'confidence': expected a number in [0, 1], got 2"
    ),
    "Parquet with lists": Mistake(
        "lists.parquet", "lists.parquet", "column 'head': expected text or numbers, got list"
    ),
    "no Parquet": Mistake("no.parquet", "no.parquet", "expected a Parquet file"),
    "a name that is no name": Mistake(f"{ALL} --name a/b", "", "name: expected letters, digits, '.', '_' and '-'"),
    "something else in its place": Mistake(
        f"{ALL} --out there", "there", "there is something else already", hint="name another folder"
    ),
    "a file in its place": Mistake(f"{ALL} --out t.tsv", "t.tsv", "there is something else already"),
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with tables that are right but for those of Parquet."""
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text)
    without_tail = {name: column for name, column in PARQUET.items() if name != "tail"}
    pq.write_table(pa.table(without_tail), tmp_path / "short.parquet")
    pq.write_table(pa.table(PARQUET | {"confidence": [1.0, 2.0]}), tmp_path / "bad.parquet")
    pq.write_table(pa.table(PARQUET | {"head": [["a"], ["b"]]}), tmp_path / "lists.parquet")
    pq.write_table(pa.table(PARQUET), tmp_path / "right.parquet")
    (tmp_path / "no.parquet").write_text(TRIPLES)
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "thesis.txt").write_text("years of work")
    (tmp_path / "root" / "data").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NSM_ROOT", "root")
    return tmp_path


def make(mistake: Mistake, place: Path) -> tuple[list[str], set[str]]:
    """Makes the mistake; returns the arguments, and the files that there are."""
    if mistake.edit is not None:
        name, old, new = mistake.edit
        content = (place / name).read_bytes()
        assert old.encode() in content
        (place / name).write_bytes(content.replace(old.encode(), new.encode("latin-1"), 1))
    return ["data", "import", *mistake.arguments.split()], files(place)


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_what_people_read(mistake: Mistake, place: Path, nsm: Command) -> None:
    arguments, before = make(mistake, place)
    status, out, err = nsm(*arguments)
    error, *rest = err.splitlines()
    assert error.startswith(f"Error: {mistake.place}: " if mistake.place else "Error: ")
    assert mistake.words in error
    assert (status, out) == (2, "")
    assert len(rest) == 1, "one error and one hint, nothing else"
    assert rest[0].startswith("Hint: ")
    assert (mistake.hint or "") in rest[0]
    assert files(place) == before, "nothing is left behind"


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_what_machines_read(mistake: Mistake, place: Path, nsm_json: JsonCommand) -> None:
    arguments, before = make(mistake, place)
    status, told = nsm_json(*arguments)
    assert status == 2
    assert told.keys() == {"error", "file", "line", "hint"}
    file, _, line = mistake.place.partition(":")
    assert (told["file"], told["line"]) == (file or None, int(line) if line else None)
    assert mistake.words in told["error"]
    assert (mistake.hint or "") in (told["hint"] or "")
    assert files(place) == before


@pytest.mark.parametrize("tables", [ALL, "t.jsonl", "right.parquet"])
def test_what_is_right_is_imported(tables: str, place: Path, nsm_json: JsonCommand) -> None:
    """The table above would prove nothing if the files were wrong to begin with."""
    before = files(place)
    status, told = nsm_json("data", "import", *tables.split(), "--out", "new", "--quiet")
    assert (status, told["folder"], told["ignored"]) == (0, "new", {})
    assert {name.split("/")[0] for name in files(place) - before} == {"new"}
