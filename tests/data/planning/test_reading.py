"""What both readers share: typed lists, literals, checks of names."""

from __future__ import annotations

import pytest

from nsm.data.planning.reading import Node, Reader, children_of, hint_for, is_tree, line_of, typed_list
from nsm.data.planning.strips import Atom, Predicate
from nsm.data.planning.syntax import Source, parse_source
from nsm.errors import DataError

PREDICATES = {"at": Predicate("at", ("box", "room")), "free": Predicate("free", ())}
TYPES = {"object": None, "box": "object", "room": "object"}


def problem(objects: str = "a b - box c", goal: str = "(free)") -> Source:
    text = f"(define (problem p) (:domain d)\n(:objects {objects})\n(:init)\n(:goal {goal}))"
    return parse_source(text, "problem", "p.pddl")


def objects_of(source: Source) -> list[tuple[str, str]]:
    (section,) = children_of(source.tree, "objects")
    return [(str(name), kind) for name, kind, _ in typed_list(section.children[2])]


def line_in(source: Source, node: Node) -> int:
    line = line_of(node)
    assert line is not None
    return source.lines[line - 1]


def literals(goal: str) -> list[tuple[bool, str, int]]:
    """Whether it must hold, the predicate, the line in the file."""
    source = problem(goal=goal)
    (section,) = children_of(source.tree, "goal")
    found = Reader(source, TYPES, PREDICATES).literals(section.children[2], "the goal")
    return [(holds, str(node.children[1]), line_in(source, node)) for holds, node in found]


def atom(goal: str, known: tuple[str, ...], bare: bool = False) -> Atom:
    source = problem(goal=goal)
    reader = Reader(source, TYPES, PREDICATES)
    (section,) = children_of(source.tree, "goal")
    ((_, node),) = reader.literals(section.children[2], "the goal")
    return reader.atom(node, "the goal", known, bare)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b - box c", [("a", "box"), ("b", "box"), ("c", "object")]),
        ("a\n- box\nb - room", [("a", "box"), ("b", "room")]),
        ("a b", [("a", "object"), ("b", "object")]),
    ],
)
def test_a_type_belongs_to_all_names_before_it(text: str, expected: list[tuple[str, str]]) -> None:
    assert objects_of(problem(text)) == expected


def test_one_of_several_types() -> None:
    text = "(define (domain d) (:predicates (p ?a - (either box room) ?b)) (:action x :parameters ()))"
    tree = parse_source(text, "domain", "d.pddl").tree
    (section,) = children_of(tree, "predicates")
    (skeleton,) = children_of(section, "atomic_formula_skeleton")
    found = [(str(name), kind) for name, kind, _ in typed_list(skeleton.children[2])]
    assert found == [("a", "box|room"), ("b", "object")]


def test_children_by_rule_and_their_lines() -> None:
    source = problem("a\nb - box")
    tree = source.tree
    (section,) = children_of(tree, "objects")
    assert is_tree(section)
    assert line_in(source, section) == 2
    named = list(typed_list(section.children[2]))
    assert [(str(name), line_in(source, name)) for name, _, _ in named] == [("a", 2), ("b", 3)]
    assert [line_in(source, node) for _, _, node in named] == [3, 3]
    assert children_of(tree, "nothing of this name") == []


class Childless:
    children: tuple[Node, ...] = ()


def test_a_tree_without_children_has_no_line() -> None:
    assert line_of(Childless()) is None


def test_hints() -> None:
    assert hint_for("haus", ["house", "tree"], "words") == "did you mean 'house'?"
    assert hint_for("zzz", ["house", "tree"], "words") == "words: house, tree"
    assert hint_for("zzz", [], "words") == "words: none"
    many = hint_for("zzz", (f"word{number}" for number in range(50)), "words")
    assert many.endswith("word11")


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        ("(free)", [(True, "free", 4)]),
        ("(and)", []),
        ("(and (free)\n(not (at a c))\n(and (at b c)))", [(True, "free", 4), (False, "at", 5), (True, "at", 6)]),
        ("(not (not (free)))", [(True, "free", 4)]),
        ("(and (= a b) (not (= a c)))", [(True, "=", 4), (False, "=", 4)]),
    ],
)
def test_literals(goal: str, expected: list[tuple[bool, str, int]]) -> None:
    assert literals(goal) == expected


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        ("(and (free)\n(or (free)))", "unsupported (or ..) in the goal"),
        ("(and (free)\n(not (and (free))))", "unsupported (not (and ..)) in the goal"),
        ("(and (free)\n(imply (free) (free)))", "unsupported (imply ..) in the goal"),
    ],
)
def test_what_is_no_conjunction_of_literals(goal: str, words: str) -> None:
    with pytest.raises(DataError) as caught:
        literals(goal)
    assert (caught.value.message, caught.value.line) == (words, 5)
    assert caught.value.hint == "supported: a conjunction of atoms, equalities and their negations"


def test_atoms_of_objects_and_of_parameters() -> None:
    assert atom("(at a c)", ("a", "c")) == Atom("at", ("a", "c"))
    assert atom("(at ?x c)", ("?x", "c")) == Atom("at", ("?x", "c"))
    assert atom("(free)", ()) == Atom("free", ())


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        ("(fre)", "undeclared predicate 'fre'"),
        ("(at a)", "predicate 'at' takes 2 arguments, came 1"),
        ("(at a b c)", "predicate 'at' takes 2 arguments, came 3"),
        ("(at a d)", "undeclared object 'd'"),
        ("(at ?a c)", r"undeclared parameter '\?a'"),
    ],
)
def test_atoms_are_checked(goal: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        atom(goal, ("a", "b", "c"))


def test_types_are_checked() -> None:
    source = problem()
    reader = Reader(source, TYPES, PREDICATES)
    node = children_of(source.tree, "objects")[0]
    reader.check_type("box|room", node)
    with pytest.raises(DataError, match="unknown type 'rom'") as caught:
        reader.check_type("box|rom", node)
    assert (caught.value.file, caught.value.line) == ("p.pddl", 2)
    assert caught.value.hint == "did you mean 'room'?"
