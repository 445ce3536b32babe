"""From the syntax tree of a PDDL problem to a `Problem`, checking every name, arity and type on the way."""

from __future__ import annotations

from collections.abc import Iterator

from nsm.data.planning.reading import LITERALS, Node, Reader, children_of, line_of, typed_list
from nsm.data.planning.strips import Atom, Domain, Problem
from nsm.data.planning.syntax import Source


class ProblemReader(Reader):
    """Turns the syntax tree of a problem into a `Problem` of ``domain``."""

    def __init__(self, source: Source, domain: Domain) -> None:
        super().__init__(source, domain.types, domain.predicates)
        self.domain = domain
        self.objects = dict(domain.constants)

    def read(self) -> Problem:
        """Reads the whole problem.

        Raises:
            DataError: If something is undeclared, of a wrong arity or type, or unsupported.
        """
        tree = self.source.tree
        (head,), (of,) = children_of(tree, "problem_def"), children_of(tree, "problem_domain")
        if str(of.children[2]) != self.domain.name:
            message = f"expected a problem of the domain {self.domain.name!r}, came one of {str(of.children[2])!r}"
            raise self.source.error(message, line_of(of), f"(:domain {self.domain.name})")
        for section in children_of(tree, "objects"):
            for name, kind, node in typed_list(section.children[2]):
                self.check_type(kind, node)
                self.declare(self.objects, name, kind)
        (init,), (goal,) = children_of(tree, "init"), children_of(tree, "goal")
        goals: dict[bool, list[Atom]] = {True: [], False: []}
        for holds, node in self.literals(goal.children[2], "the goal"):
            if node.children[1] == "=":
                raise self.source.error("unsupported (= ..) in the goal", line_of(node), LITERALS)
            goals[holds].append(self._fact(node, "the goal"))
        return Problem(
            name=str(head.children[2]),
            domain=str(of.children[2]),
            objects=self.objects,
            init=tuple(dict.fromkeys(self._init(init))),
            goal=tuple(dict.fromkeys(goals[True])),
            goal_not=tuple(dict.fromkeys(goals[False])),
            file=self.source.file,
        )

    def _init(self, section: Node) -> Iterator[Atom]:
        """Yields the facts; numbers (costs) are passed over, and so is ``(not ..)``, after a check."""
        for element in children_of(section, "init_el"):
            if len(element.children) == 1:
                literal = element.children[0].children
                fact = self._fact(literal[0] if len(literal) == 1 else literal[2], "the initial state", bare=True)
                if len(literal) == 1:
                    yield fact

    def _fact(self, node: Node, where: str, bare: bool = False) -> Atom:
        fact = self.atom(node, where, self.objects, bare)
        for name, kind in zip(fact.args, self.predicates[fact.predicate].types, strict=True):
            if not self.domain.is_subtype(self.objects[name], kind):
                message = f"{fact} in {where}: expected an object of type {kind!r}, came {name!r} of type"
                raise self.source.error(f"{message} {self.objects[name]!r}", line_of(node))
        return fact
