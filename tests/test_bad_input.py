"""What a user may get wrong: one clear error with file and line, status 2, and nothing left behind."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from nsm.errors import NSMError
from tests.cli.conftest import Command, JsonCommand, nsm, nsm_json

__all__ = ["nsm", "nsm_json"]

DOMAIN = """; A ferry takes one car at a time.
(define (domain tiny-ferry)
  (:requirements :strips :typing)
  (:types port car)
  (:predicates (docked ?p - port) (ashore ?c - car ?p - port) (on-deck ?c - car) (free))
  (:action sail
    :parameters (?from ?to - port)
    :precondition (docked ?from)
    :effect (and (docked ?to) (not (docked ?from))))
  (:action board
    :parameters (?c - car ?p - port)
    :precondition (and (ashore ?c ?p) (docked ?p) (free))
    :effect (and (on-deck ?c) (not (ashore ?c ?p)) (not (free)))))
"""
PROBLEM = """(define (problem one)
  (:domain tiny-ferry)
  (:objects a b - port red - car)
  (:init (docked a) (free)
         (ashore red b))
  (:goal (on-deck red)))
"""
PLAN = """; found by hand
(sail a b)
(board red b)
"""
NETWORK = """// two causes and their effect
network wet { }
variable rain { type discrete [ 2 ] { no, yes }; }
variable hose { type discrete [ 2 ] { off, on }; }
variable lawn { type discrete [ 2 ] { dry, wet }; }
probability ( rain ) { table 0.7, 0.3; }
probability ( hose ) { table 0.8, 0.2; }
probability ( lawn | rain, hose ) {
  (no, off) 0.9, 0.1;
  (no, on) 0.2, 0.8;
  (yes, off) 0.1, 0.9;
  (yes, on) 0.05, 0.95;
}
"""
CONFIG = """# settings of a small run
seed = 3
[planning]
graphs = 40
"""
TEXTS = {
    "p/domain.pddl": DOMAIN,
    "p/one.pddl": PROBLEM,
    "p/one.plan": PLAN,
    "wet.bif": NETWORK,
    "run.toml": CONFIG,
    "g/train.txt": "ann\tknows\tbob\nbob\tlikes\tcat\ncat\tknows\tdan\n",
    "g/valid.txt": "ann\tknows\tdan\n",
    "g/test.txt": "bob\tknows\tcat\t0.5\n",
    "file": "",
}
OWN = "--pddl @/p"


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong.

    Attributes:
        arguments: What is asked for; ``@`` is the folder of this test.
        place: The file at fault, with the line where there is one, as it is told.
        words: What the error says.
        edit: File, the text to change, and what to.
        hint: A part of the remedy, where one is told.
    """

    arguments: str
    place: str
    words: str
    edit: tuple[str, str, str] | None = None
    hint: str | None = None


PORT = "(ashore red b)"
MISTAKES = {
    "no folder": Mistake("audit planning --pddl @/none", "@/none", "the folder does not exist", hint="domain.pddl"),
    "a file for a folder": Mistake("audit planning --pddl @/file", "@/file", "expected a folder, came a file"),
    "no domain": Mistake("train planning --pddl @", "@/domain.pddl", "the file does not exist", hint="PDDL domain"),
    "no configuration": Mistake("train planning --config none.toml", "none.toml", "No such file"),
    "no plan files": Mistake(f"train planning {OWN} --plans @/none", "@/none", "the folder does not exist"),
    "no plan of a problem": Mistake(f"audit planning {OWN} --plans @", "@", "no plan file matches", hint="one.plan"),
    "never closed": Mistake(
        f"audit planning {OWN}",
        "@/p/one.pddl:4",
        "this '(:init' is never closed",
        ("p/one.pddl", f"{PORT})", PORT),
        hint="add the missing ')'",
    ),
    "syntax": Mistake(
        f"train planning {OWN}",
        "@/p/domain.pddl:7",
        "syntax error: expected '(', came '?'",
        ("p/domain.pddl", "(?from ?to - port)", "?from ?to - port"),
    ),
    "not PDDL": Mistake(
        f"data show planning {OWN}",
        "@/p/one.pddl:2",
        "expected (define (problem NAME) ..)",
        ("p/one.pddl", PROBLEM, PLAN),
    ),
    "undeclared predicate": Mistake(
        f"train planning {OWN}",
        "@/p/one.pddl:5",
        "undeclared predicate 'ashoer' in the initial state",
        ("p/one.pddl", "ashore", "ashoer"),
        hint="did you mean 'ashore'?",
    ),
    "undeclared predicate of an action": Mistake(
        f"audit planning {OWN}",
        "@/p/domain.pddl:12",
        "undeclared predicate 'fre' in action 'board'",
        ("p/domain.pddl", "(docked ?p) (free))", "(docked ?p) (fre))"),
        hint="did you mean 'free'?",
    ),
    "unsupported requirement": Mistake(
        f"audit planning {OWN}",
        "@/p/domain.pddl:3",
        "unsupported requirement :adl",
        ("p/domain.pddl", ":typing", ":typing :adl"),
        hint=":strips",
    ),
    "arity of a step": Mistake(
        f"train planning {OWN} --plans @/p",
        "@/p/one.plan:2",
        "action 'sail' takes 2 arguments, came 1 in (sail a)",
        ("p/one.plan", "(sail a b)", "(sail a)"),
        hint="declared: (sail ?from ?to)",
    ),
    "unknown key": Mistake(
        "train planning --config run.toml",
        "run.toml:4",
        "unknown key 'planning.graph'",
        ("run.toml", "graphs", "graph"),
        hint="did you mean 'planning.graphs'?",
    ),
    "unknown key of an option": Mistake(
        "data show planning --set epoch=2", "", "unknown key 'epoch', in --set epoch=2", hint="did you mean 'epochs'?"
    ),
    "wrong type": Mistake(
        "audit planning --config run.toml",
        "run.toml:2",
        "seed: expected a whole number, got 'three'",
        ("run.toml", "seed = 3", "seed = 'three'"),
    ),
    "wrong type of an option": Mistake(
        "train planning --set lr=fast", "", "lr: expected a number, got 'fast', in --set lr=fast"
    ),
    "out of range": Mistake(
        "train planning --config run.toml",
        "run.toml:4",
        "planning.graphs: expected at least 20, got 4",
        ("run.toml", "40", "4"),
    ),
    "root below a file": Mistake(
        f"train planning {OWN} --root file/root", "file/root", "cannot write here: Not a directory", hint="--root"
    ),
    "root is a file": Mistake(
        f"audit planning {OWN} --root file", "file/data", "cannot write here: Not a directory", hint="--root"
    ),
    "root of the system's own": Mistake(
        f"train planning {OWN} --root /proc/none", "/proc/none", "cannot write here", hint="--root"
    ),
    "cache is a file": Mistake(
        f"audit planning {OWN} --set cache=file", "file", "cannot write here: expected a folder, came a file"
    ),
    "no network file": Mistake("train causal --bif @/none.bif", "@/none.bif", "the file does not exist"),
    "a folder for a network": Mistake("audit causal --bif @/p", "@/p", "expected a file, came a folder"),
    "an empty network": Mistake("audit causal --bif @/file", "@/file", "got an empty file"),
    "no network": Mistake(
        "train causal --bif @/run.toml", "@/run.toml:1", "expected 'network', 'variable' or 'probability', got '#'"
    ),
    "not UTF-8": Mistake(
        "train causal --bif @/latin.bif", "@/latin.bif:2", "expected text in UTF-8, got the byte 0xe9"
    ),
    "a network that stops": Mistake(
        "audit causal --bif @/wet.bif",
        "@/wet.bif:10",
        "expected '}', got the end of the file",
        ("wet.bif", "0.2, 0.8;\n  (yes, off) 0.1, 0.9;\n  (yes, on) 0.05, 0.95;\n}\n", "0.2, 0"),
        hint="is the file whole?",
    ),
    "half a compressed network": Mistake(
        "data card causal --bif @/half.bif.gz", "@/half.bif.gz", "cannot be read: Compressed file ended", hint="whole"
    ),
    "no compressed network": Mistake(
        "train causal --bif @/no.bif.gz", "@/no.bif.gz", "cannot be read: Not a gzipped file", hint="gzip"
    ),
    "sum of probabilities": Mistake(
        "train causal --bif @/wet.bif",
        "@/wet.bif:10",
        "expected probabilities of 'lawn' given (no, on) with the sum 1, got 0.9",
        ("wet.bif", "0.2, 0.8;", "0.2, 0.7;"),
    ),
    "cycle": Mistake(
        "audit causal --bif @/wet.bif",
        "@/wet.bif:6",
        "expected causes without a cycle, got rain -> lawn -> rain",
        ("wet.bif", "( rain ) { table 0.7, 0.3; }", "( rain | lawn ) { default 0.7, 0.3; }"),
        hint="take one cause away",
    ),
    "unknown variable": Mistake(
        "data show causal --bif @/wet.bif",
        "@/wet.bif:8",
        "unknown variable 'rian'",
        ("wet.bif", "| rain,", "| rian,"),
        hint="did you mean 'rain'?",
    ),
    "unknown state": Mistake(
        "train causal --bif @/wet.bif",
        "@/wet.bif:11",
        "expected a state of 'rain', got 'maybe'",
        ("wet.bif", "(yes, off)", "(maybe, off)"),
        hint="no, yes",
    ),
    "two networks": Mistake(
        "train causal --bif @/wet.bif --network asia",
        "",
        "causal.bif: expected a named network or a file, got both",
    ),
    "fewer variables than the fewest": Mistake(
        "audit causal --set causal.min_variables=9 --set causal.max_variables=8",
        "",
        "causal.min_variables: expected at most max_variables (8), got 9",
    ),
    "counterfactuals of a network": Mistake(
        "audit causal --bif @/wet.bif --set causal.rungs=counterfactual", "", "it answers no counterfactual"
    ),
    "no graph": Mistake("train kg --graph @/none", "@/none", "expected a folder with train.txt"),
    "no facts to test on": Mistake(
        "audit kg --graph @/p", "@/p", "expected one of train.txt and train.tsv, found none"
    ),
    "a line with two columns": Mistake(
        "train kg --graph @/g",
        "@/g/train.txt:2",
        "expected 3 or 4 columns, got 2: 'bob\\tlikes'",
        ("g/train.txt", "likes\tcat", "likes"),
        hint="separated by tabs",
    ),
    "no facts at all": Mistake(
        "audit kg --graph @/g",
        "@/g/valid.txt",
        "expected facts, got an empty file",
        ("g/valid.txt", "ann\tknows\tdan\n", ""),
    ),
    "too much confidence": Mistake(
        "train kg --graph @/g",
        "@/g/test.txt:1",
        "expected a confidence in [0, 1], got '5'",
        ("g/test.txt", "0.5", "5"),
    ),
    "facts that are not UTF-8": Mistake(
        "data show kg --graph @/latin", "@/latin/train.txt:2", "expected text in UTF-8, got the byte 0xe9 in column 4"
    ),
    "a relation that is never trained": Mistake(
        "train kg --graph @/g",
        "@/g/test.txt:1",
        "g/train.txt, got 'hates'",
        ("g/test.txt", "knows", "hates"),
        hint="leave its facts out",
    ),
    "another graph that is malformed": Mistake(
        "audit kg --graph @/g --inductive @/latin", "@/latin/train.txt:2", "expected text in UTF-8"
    ),
    "an inductive graph alone": Mistake(
        "train kg --inductive @/g", "", "kg.inductive: the graph to train on is missing: set kg.graph as well"
    ),
    "no stories": Mistake("train kg --set kg.clutrr=@/g", "@/g", "expected stories to train and to test on"),
    "no run": Mistake("evaluate none", "root", "no run is called 'none'", hint="nsm train"),
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with files that are right."""
    for folder in ("p", "g"):
        (tmp_path / folder).mkdir()
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "half.bif.gz").write_bytes(gzip.compress(NETWORK.encode())[:60])
    (tmp_path / "no.bif.gz").write_text(NETWORK)
    (tmp_path / "latin").mkdir()
    for split in ("train", "valid", "test"):
        (tmp_path / "latin" / f"{split}.txt").write_bytes("a\tr\tb\ncaf\u00e9\tr\tb\n".encode("latin-1"))
    (tmp_path / "latin.bif").write_bytes("network a { }\nvariable caf\u00e9 { }".encode("latin-1"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NSM_ROOT", "root")
    monkeypatch.delenv("NSM_CACHE", raising=False)
    return tmp_path


def files(place: Path) -> set[str]:
    return {str(path.relative_to(place)) for path in place.rglob("*")}


def make(mistake: Mistake, place: Path) -> tuple[list[str], str, set[str]]:
    """Makes the mistake; returns the arguments, the place to be told, and the files that there are."""
    if mistake.edit is not None:
        name, old, new = mistake.edit
        text = (place / name).read_text()
        assert text.count(old) >= 1
        (place / name).write_text(text.replace(old, new, 1))
    here = str(place)
    return mistake.arguments.replace("@", here).split(), mistake.place.replace("@", here), files(place)


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_what_people_read(mistake: Mistake, place: Path, nsm: Command) -> None:
    arguments, where, before = make(mistake, place)
    status, out, err = nsm(*arguments)
    assert (status, out) == (2, "")
    error, *rest = err.splitlines()
    assert error.startswith(f"Error: {where}: " if where else "Error: ")
    assert mistake.words in error
    assert len(rest) <= 1, "one error and one hint, nothing else"
    assert all(line.startswith("Hint: ") for line in rest)
    if mistake.hint is not None or ".bif" in where:
        assert (mistake.hint or "") in rest[0]
    assert files(place) == before, "nothing is left behind"


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_what_machines_read(mistake: Mistake, place: Path, nsm: Command, nsm_json: JsonCommand) -> None:
    arguments, where, before = make(mistake, place)
    status, told = nsm_json(*arguments)
    assert status == 2
    assert told.keys() == {"error", "file", "line", "hint"}
    file, _, line = where.partition(":")
    assert (told["file"], told["line"]) == (file or None, int(line) if line else None)
    assert mistake.words in told["error"]
    assert (mistake.hint or "") in (told["hint"] or "")
    assert files(place) == before
    assert nsm(*arguments, "--json")[2] == "", "standard error stays empty"


def test_what_is_right_passes_the_same_way(place: Path, nsm: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table above would prove nothing if the files were wrong to begin with."""
    from nsm import pipeline

    def stop(*_: object, **__: object) -> None:
        raise NSMError("all of it was read")

    monkeypatch.setattr(pipeline.datasets, "build_dataset", stop)
    status, _, err = nsm(*f"audit planning --pddl {place}/p --plans {place}/p --config run.toml".split())
    assert (status, err) == (2, "Error: all of it was read\n")
    assert (place / "root" / "data").is_dir()


@pytest.mark.needs_networks
@pytest.mark.usefixtures("place")
def test_an_unknown_network(nsm: Command) -> None:
    status, out, err = nsm("train", "causal", "--network", "alarn")
    assert (status, out) == (2, "")
    assert err.startswith("Error: unknown network 'alarn'; expected one of alarm, ")
    assert err.endswith("Hint: did you mean 'alarm'?\n")
    assert not Path("root").exists()


def test_a_process_of_its_own_ends_the_same_way(place: Path) -> None:
    before = make(MISTAKES["undeclared predicate"], place)[2]
    command = [sys.executable, "-m", "nsm", "train", "planning", "--pddl", "p"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=place, env=environment, timeout=120)
    error = "undeclared predicate 'ashoer' in the initial state"
    assert done.stderr == f"Error: p/one.pddl:5: {error}\nHint: did you mean 'ashore'?\n"
    assert (done.returncode, done.stdout) == (2, "")
    assert files(place) == before
