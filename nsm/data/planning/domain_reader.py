"""From the syntax tree of a PDDL domain to a `Domain`, checking every name, arity and type on the way."""

from __future__ import annotations

from collections.abc import Iterator

from nsm.data.planning.reading import Node, Reader, children_of, line_of, typed_list
from nsm.data.planning.strips import ROOT_TYPE, Atom, Domain, Operator, Parameter, Predicate
from nsm.data.planning.syntax import Source

_EFFECTS = "supported: a conjunction of added and deleted atoms"


class DomainReader(Reader):
    """Turns the syntax tree of a domain into a `Domain`."""

    def __init__(self, source: Source) -> None:
        super().__init__(source, {ROOT_TYPE: None}, {})
        self.constants: dict[str, str] = {}

    def read(self) -> Domain:
        """Reads the whole domain.

        Raises:
            DataError: If something is undeclared, declared twice, of a wrong arity, or unsupported.
        """
        tree = self.source.tree
        (head,) = children_of(tree, "domain_def")
        for section in children_of(tree, "types"):
            self._read_types(section)
        for section in children_of(tree, "constants"):
            for name, kind, node in typed_list(section.children[2]):
                self.check_type(kind, node)
                self.declare(self.constants, name, kind)
        for section in children_of(tree, "predicates"):
            self._read_predicates(section)
        name, operators = str(head.children[2]), dict[str, Operator]()
        domain = Domain(name, self.types, self.constants, self.predicates, operators, self.source.file)
        for action in children_of(tree, "action_def"):
            operator = self._operator(action, domain)
            if operator.name in operators:
                raise self.source.error(f"a second action {operator.name!r}", line_of(action), "rename one")
            operators[operator.name] = operator
        if not operators:
            raise self.source.error("the domain has no actions", line_of(tree), "add an (:action ..)")
        return domain

    def _read_types(self, section: Node) -> None:
        """Reads the hierarchy; a parent that is not declared itself becomes a child of ``object``."""
        declared = list(typed_list(section.children[2]))
        for name, kind, _ in declared:
            if name == ROOT_TYPE:
                continue
            if self.types.get(str(name), kind) not in (kind, ROOT_TYPE):
                message = f"type {str(name)!r} has two parents, {self.types[str(name)]!r} and {kind!r}"
                raise self.source.error(message, line_of(name), "give it one")
            self.types[str(name)] = kind
        for _, kind, _ in declared:
            self.types.setdefault(kind, ROOT_TYPE)
        for name, _, _ in declared:
            seen: list[str | None] = [str(name)]
            while (parent := self.types[str(seen[-1])]) is not None:
                if parent in seen:
                    chain = " - ".join(map(str, (*seen, parent)))
                    raise self.source.error(f"type {str(name)!r} is its own ancestor: {chain}", line_of(name))
                seen.append(parent)

    def _read_predicates(self, section: Node) -> None:
        for skeleton in children_of(section, "atomic_formula_skeleton"):
            name = str(skeleton.children[1])
            arguments = list(typed_list(skeleton.children[2]))
            for _, kind, node in arguments:
                self.check_type(kind, node)
            if name in self.predicates:
                raise self.source.error(f"a second predicate {name!r}", line_of(skeleton), "rename one")
            self.predicates[name] = Predicate(name, tuple(kind for _, kind, _ in arguments))

    def _operator(self, action: Node, domain: Domain) -> Operator:
        where = f"action {str(action.children[2])!r}"
        parameters: list[Parameter] = []
        for token, kind, node in typed_list(action.children[4].children[1]):
            self.check_type(kind, node)
            if any(parameter.name == f"?{token}" for parameter in parameters):
                raise self.source.error(f"parameter '?{token}' comes twice in {where}", line_of(token), "rename one")
            parameters.append(Parameter(f"?{token}", kind))
        known = {parameter.name: parameter.type for parameter in parameters} | self.constants
        parts = action.children[5].children
        body = {str(key): node for key, node in zip(parts[::2], parts[1::2], strict=True)}
        atoms: dict[bool, list[Atom]] = {True: [], False: []}
        equalities: dict[bool, list[tuple[str, str]]] = {True: [], False: []}
        for holds, node in self.literals(body[":precondition"], where) if ":precondition" in body else ():
            if node.children[1] == "=":
                first, second = (self.term(term, where, known) for term in node.children[2:4])
                equalities[holds].append((first, second))
            else:
                atoms[holds].append(self._typed_atom(node, where, known, domain))
        effects: dict[bool, list[Atom]] = {True: [], False: []}
        for adds, node in self._effects(body[":effect"], where) if ":effect" in body else ():
            effects[adds].append(self._typed_atom(node, where, known, domain))
        return Operator(
            name=str(action.children[2]),
            parameters=tuple(parameters),
            positive=tuple(dict.fromkeys(atoms[True])),
            negative=tuple(dict.fromkeys(atoms[False])),
            equal=tuple(dict.fromkeys(equalities[True])),
            different=tuple(dict.fromkeys(equalities[False])),
            add=tuple(dict.fromkeys(effects[True])),
            delete=tuple(dict.fromkeys(effects[False])),
        )

    def _typed_atom(self, node: Node, where: str, known: dict[str, str], domain: Domain) -> Atom:
        """Reads an atom of an action; each term must be able to be of the declared type."""
        atom = self.atom(node, where, known)
        for term, kind in zip(atom.args, self.predicates[atom.predicate].types, strict=True):
            if not domain.may_meet(known[term], kind):
                message = (
                    f"{atom} in {where}: expected an object of type {kind!r}, came {term!r} of type {known[term]!r}"
                )
                raise self.source.error(message, line_of(node))
        return atom

    def _effects(self, tree: Node, where: str) -> Iterator[tuple[bool, Node]]:
        """Yields (whether it is added, the atom's node) for each effect; costs are passed over."""
        if len(tree.children) == 1:
            (inner,) = tree.children
            if inner.data == "atomic_formula_term" and inner.children[1] != "=":
                yield True, inner
            elif inner.data == "num_effect" and self._is_cost(inner):
                return
            elif inner.data in ("effect", "c_effect", "p_effect"):
                yield from self._effects(inner, where)
            else:
                came = f"({inner.children[1]} ..)"
                raise self.source.error(f"unsupported {came} as an effect of {where}", line_of(inner), _EFFECTS)
        elif len(tree.children) > 2:  # otherwise "()", no effect
            word = str(tree.children[1])
            if word == "and":
                for child in tree.children[2:-1]:
                    yield from self._effects(child, where)
            elif word == "not" and tree.children[2].children[1] != "=":
                yield False, tree.children[2]
            else:
                raise self.source.error(f"unsupported ({word} ..) in an effect of {where}", line_of(tree), _EFFECTS)

    @staticmethod
    def _is_cost(effect: Node) -> bool:
        """Whether a numeric effect only counts costs: ``(increase (total-cost) ..)``."""
        return str(effect.children[1]) == "increase" and "total-cost" in map(str, effect.children[2].children)
