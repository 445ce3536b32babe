"""What reading a domain and reading a problem have in common: walking the syntax tree, checking names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from nsm.data.planning.strips import ROOT_TYPE, Atom, Predicate
from nsm.data.planning.syntax import Source

Node = Any  # a lark Tree or Token; which one is known from the grammar only

LITERALS = "supported: a conjunction of atoms, equalities and their negations"


def is_tree(node: Node) -> bool:
    """Whether a node is a tree; otherwise it is a token."""
    return hasattr(node, "children")


def line_of(node: Node) -> int | None:
    """The line of a tree or token in the parsed text."""
    while is_tree(node):
        if not node.children:
            return None
        node = node.children[0]
    return int(node.line)


def hint_for(word: str, known: Iterable[str], what: str) -> str:
    """Names the nearest known word, or lists what there is."""
    names = list(known)
    close = get_close_matches(word, names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"{what}: {', '.join(names[:12]) or 'none'}"


def children_of(tree: Node, rule: str) -> list[Node]:
    """The children of a tree that come from one rule of the grammar."""
    return [child for child in tree.children if is_tree(child) and child.data == rule]


def typed_list(tree: Node) -> Iterator[tuple[Node, str, Node]]:
    """Yields (name token, type, type's node) of ``a b - t c``; ``(either t u)`` is the type ``t|u``."""
    pending: list[Node] = []
    is_type = False
    for child in tree.children:
        if is_type:
            words = child.children if is_tree(child) else [child]
            kind = "|".join(str(word) for word in words if word not in ("(", "either", ")"))
            yield from ((name, kind, child) for name in pending)
            pending, is_type = [], False
        elif child == "-":
            is_type = True
        else:
            pending.append(child)
    yield from ((name, ROOT_TYPE, name) for name in pending)


class Reader:
    """What the readers of domains and of problems share: literals, and checks of names, arities and types.

    Args:
        source: The file.
        types: Each declared type's parent.
        predicates: The declared predicates.
    """

    def __init__(self, source: Source, types: dict[str, str | None], predicates: dict[str, Predicate]) -> None:
        self.source = source
        self.types = types
        self.predicates = predicates

    def check_type(self, kind: str, node: Node) -> None:
        """Raises unless every alternative of a type is declared."""
        for word in kind.split("|"):
            if word not in self.types:
                hint = hint_for(word, self.types, "declared types")
                raise self.source.error(f"unknown type {word!r}", line_of(node), hint)

    def declare(self, objects: dict[str, str], name: Node, kind: str) -> None:
        """Adds an object with its type; raises if there is one of its name already."""
        if str(name) in objects:
            message = f"object {str(name)!r} is declared twice, of type {objects[str(name)]!r} before"
            raise self.source.error(message, line_of(name), "declare each object and constant once")
        objects[str(name)] = kind

    def literals(self, tree: Node, where: str, holds: bool = True) -> Iterator[tuple[bool, Node]]:
        """Yields (whether it must hold, the atom's node) for each literal of a conjunction."""
        if len(tree.children) == 1:
            (inner,) = tree.children
            if inner.data == "atomic_formula_term":
                yield holds, inner
            else:
                yield from self.literals(inner, where, holds)
        elif len(tree.children) > 2:  # otherwise "()", the empty condition
            word = str(tree.children[1])
            if word == "not":
                yield from self.literals(tree.children[2], where, not holds)
            elif word == "and" and holds:
                for child in tree.children[2:-1]:
                    yield from self.literals(child, where, holds)
            else:
                came = "(not (and ..))" if word == "and" else f"({word} ..)"
                raise self.source.error(f"unsupported {came} in {where}", line_of(tree), LITERALS)

    def atom(self, tree: Node, where: str, known: Collection[str], bare: bool = False) -> Atom:
        """Reads an atom whose terms must be among ``known``; ``bare`` says that plain tokens are objects."""
        name, terms = str(tree.children[1]), tree.children[2:-1]
        predicate = self.predicates.get(name)
        if predicate is None:
            hint = hint_for(name, self.predicates, "declared predicates")
            raise self.source.error(f"undeclared predicate {name!r} in {where}", line_of(tree), hint)
        if len(terms) != predicate.arity:
            message = f"predicate {name!r} takes {predicate.arity} arguments, came {len(terms)} in {where}"
            hint = f"declared: ({' '.join((name, *predicate.types))})"
            raise self.source.error(message, line_of(tree), hint)
        return Atom(name, tuple(self.term(term, where, known, bare) for term in terms))

    def term(self, node: Node, where: str, known: Collection[str], bare: bool = False) -> str:
        """Reads an object's name, or a parameter's name with its question mark."""
        is_parameter = not bare and not is_tree(node)
        word = f"?{node}" if is_parameter else str(node.children[0] if is_tree(node) else node)
        if word not in known:
            what = "parameter" if is_parameter else "object"
            hint = hint_for(word, known, "declared")
            raise self.source.error(f"undeclared {what} {word!r} in {where}", line_of(node), hint)
        return word
