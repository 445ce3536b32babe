"""Our problems and plans in the terms of the unified-planning library, lifted, straight from the dataclasses.

The library's own PDDL reader is not used: it fails on files that repeat a parameter's name, as logistics00
does, and a shared reading of the file would tell nothing about the plans. Names get a prefix by kind, because
the library wants them unique across kinds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from unified_planning import shortcuts as up
from unified_planning.plans import ActionInstance, SequentialPlan

from nsm.data.planning.strips import ROOT_TYPE, Atom, Domain, Operator, Problem, Step


def unified_problem(domain: Domain, problem: Problem) -> Any:
    """The problem in the library's terms; predicates take any object, actions and objects are typed."""
    types = _types(domain)
    fluents: dict[str, Any] = {}
    for name, predicate in domain.predicates.items():
        signature = {f"x{slot}": types[ROOT_TYPE] for slot in range(predicate.arity)}
        fluents[name] = up.Fluent(f"p-{name}", up.BoolType(), **signature)
    objects = {name: up.Object(f"o-{name}", types[kind]) for name, kind in problem.objects.items()}

    unified = up.Problem(problem.name)
    for fluent in fluents.values():
        unified.add_fluent(fluent, default_initial_value=False)
    unified.add_objects(objects.values())
    unified.add_actions(_action(operator, types, fluents, objects) for operator in domain.operators.values())
    for atom in problem.init:
        unified.set_initial_value(_instance(atom, fluents, objects), True)
    for atom in problem.goal:
        unified.add_goal(_instance(atom, fluents, objects))
    for atom in problem.goal_not:
        unified.add_goal(up.Not(_instance(atom, fluents, objects)))
    return unified


def unified_plan(problem: Any, steps: Iterable[Step]) -> SequentialPlan:
    """A plan for a problem that `unified_problem` made."""
    as_term = problem.environment.expression_manager.ObjectExp
    return SequentialPlan(
        [
            ActionInstance(
                problem.action(f"a-{step.operator}"),
                tuple(as_term(problem.object(f"o-{arg}")) for arg in step.args),
            )
            for step in steps
        ]
    )


def _types(domain: Domain) -> dict[str, Any]:
    types: dict[str, Any] = {}
    for name in domain.types:
        for kind in reversed(list(domain.ancestors(name))):
            if kind not in types:
                parent = domain.types[kind]
                types[kind] = up.UserType(f"t-{kind}", None if parent is None else types[parent])
    return types


def _instance(atom: Atom, fluents: Mapping[str, Any], terms: Mapping[str, Any]) -> Any:
    return fluents[atom.predicate](*(terms[term] for term in atom.args))


def _action(
    operator: Operator, types: Mapping[str, Any], fluents: Mapping[str, Any], objects: Mapping[str, Any]
) -> Any:
    names = {parameter.name: f"v-{parameter.name[1:]}" for parameter in operator.parameters}
    signature = {names[parameter.name]: types[parameter.type] for parameter in operator.parameters}
    action = up.InstantaneousAction(f"a-{operator.name}", **signature)
    terms = {**objects, **{name: action.parameter(of) for name, of in names.items()}}
    for atom in operator.positive:
        action.add_precondition(_instance(atom, fluents, terms))
    for atom in operator.negative:
        action.add_precondition(up.Not(_instance(atom, fluents, terms)))
    for first, second in operator.equal:
        action.add_precondition(up.Equals(terms[first], terms[second]))
    for first, second in operator.different:
        action.add_precondition(up.Not(up.Equals(terms[first], terms[second])))
    for atom in operator.delete:
        action.add_effect(_instance(atom, fluents, terms), False)
    for atom in operator.add:
        action.add_effect(_instance(atom, fluents, terms), True)
    return action
