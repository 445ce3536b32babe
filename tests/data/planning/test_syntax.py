"""Cutting, ordering and parsing PDDL text."""

from __future__ import annotations

from pathlib import Path

import pytest

from nsm.data.planning.syntax import parse_source, read_source
from nsm.errors import DataError

DOMAIN = """(define (domain d)
  (:predicates (p ?x))
  (:constants k)
  (:action go
    :parameters (?x)
    :precondition (p ?x)
    :effect (not (p ?x))))
"""


def error_of(text: str, kind: str = "domain") -> DataError:
    with pytest.raises(DataError) as caught:
        parse_source(text, kind, "file.pddl")
    assert caught.value.file == "file.pddl"
    return caught.value


def test_sections_in_any_order_keep_their_lines() -> None:
    source = parse_source(DOMAIN, "domain", "file.pddl")
    assert [str(tree.data) for tree in source.tree.children if hasattr(tree, "data")] == [
        "domain_def",
        "constants",
        "predicates",
        "action_def",
    ]
    assert source.lines == (1, 3, 2, 4, 5, 6, 7, 7)
    assert source.error("wrong", 2).line == 3


def test_case_and_comments_do_not_matter() -> None:
    text = DOMAIN.replace(":action", ":ACTION").replace("(p ?x))\n", "(P ?X)) ; a (comment\n")
    assert parse_source(text, "domain", "a").tree == parse_source(DOMAIN, "domain", "b").tree


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (("(p ?x))\n  (:c", "(p ?x)\n  (:c"), 2, "this '(:predicates' is never closed"),
        (("(not (p ?x))))", "(not (p ?x)))"), 1, "this '(define' is never closed"),
        (("(p ?x))))", "(p ?x)))))"), 7, "expected the end of the file, came ')'"),
        (("(define", ")(define"), 1, "expected (define (domain NAME) ..), came ')(define (domain d)'"),
        (("(define", "; a comment\n\n(sail a b)\n(define"), 3, "expected (define (domain NAME) ..), came '(sail a b)'"),
        (("(domain d)", "\n(:requirements)"), 2, "expected (define (domain NAME) ..), came (:requirements ..)"),
        (("(:constants k)", "(:constants k)\n- ball"), 4, "expected a section, came '- ball'"),
        (("(domain d)", "\nd (domain d)"), 2, "expected a section, came 'd'"),
        (("(p ?x))))", "(p ?x)))\nthe end)"), 8, "expected a section, came 'the end'"),
        (
            ("(:constants k)", "(:constants k - ball\n l - (either ball box))"),
            4,
            "unsupported (either ..) in :constants",
        ),
        (("(:constants k)", "(:types a - (either b c))"), 3, "unsupported (either ..) in :types"),
        (("(p ?x))))", "(p ?x))))\n\n more"), 9, "expected the end of the file, came 'more'"),
        (("(domain d)", "(problem d)"), 1, "expected (define (domain NAME) ..), came (problem ..)"),
        (("(:constants k)", "(:derived k)"), 3, "unsupported section ':derived'"),
        (
            ("(:constants k)", "(:constants k)\n(:constants k)"),
            4,
            "a second :constants (the first is on line 3)",
        ),
        (("  (:predicates (p ?x))\n", ""), 1, "the domain has no (:predicates ..)"),
        ((":parameters (?x)", ":parameters ?x"), 5, "syntax error: expected '(', came '?'"),
        (("(p ?x)\n    :e", "(p !x)\n    :e"), 6, "came '!'"),
        ((":effect (not (p ?x))", ":effect (not)"), 7, "came ')'"),
    ],
)
def test_errors_name_the_line(change: tuple[str, str], line: int, words: str) -> None:
    assert change[0] in DOMAIN
    error = error_of(DOMAIN.replace(*change))
    assert error.line == line
    assert words in str(error)


@pytest.mark.parametrize("word", [":adl", ":durative-actions", ":conditional-effects", ":fluents", ":nonsense"])
def test_unsupported_requirement(word: str) -> None:
    error = error_of(DOMAIN.replace("\n", f"\n\n  (:requirements :strips\n    {word.upper()})\n", 1))
    assert (error.line, error.message) == (4, f"unsupported requirement {word}")
    assert error.hint is not None
    assert ":negative-preconditions" in error.hint


def test_supported_requirements_pass() -> None:
    words = ":strips :typing :negative-preconditions :equality :action-costs"
    parse_source(DOMAIN.replace("\n", f"\n(:requirements {words})\n", 1), "domain", "file.pddl")


def test_empty_file() -> None:
    assert "expected (define (domain NAME) ..), came ''" in str(error_of(" \n"))
    assert "expected (define (domain NAME) ..), came nothing" in str(error_of("(define)"))


def test_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "d.pddl").write_text(DOMAIN, encoding="utf-8-sig")
    assert (tmp_path / "d.pddl").read_bytes().startswith(b"\xef\xbb\xbf(define")
    assert read_source(tmp_path / "d.pddl", "domain").tree == parse_source(DOMAIN, "domain", "d").tree


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_source(tmp_path / "none.pddl", "problem")
    (tmp_path / "bytes.pddl").write_bytes(b"(define \xff\xfe)")
    with pytest.raises(DataError, match="not UTF-8"):
        read_source(tmp_path / "bytes.pddl", "problem")
    with pytest.raises(DataError, match="cannot be read"):
        read_source(tmp_path, "problem")
