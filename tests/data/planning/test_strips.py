"""What problems are made of."""

from __future__ import annotations

from nsm.data.planning.strips import Atom, Domain, Operator, Parameter, Step

TYPES = {"object": None, "vehicle": "object", "truck": "vehicle", "box": "object"}
MOVE = Operator("move", (Parameter("?x", "box"),), add=(Atom("on", ("?x",)),), delete=(Atom("off", ("?x",)),))


def test_words() -> None:
    assert str(Atom("on", ("a", "b"))) == "(on a b)"
    assert str(Step("wait", ())) == "(wait)"


def test_types() -> None:
    domain = Domain("d", TYPES, {}, {}, {})
    assert list(domain.ancestors("truck")) == ["truck", "vehicle", "object"]
    assert domain.is_subtype("truck", "vehicle")
    assert domain.is_subtype("truck", "box|vehicle")
    assert not domain.is_subtype("vehicle", "truck")
    assert not domain.is_subtype("box", "truck|vehicle")


def test_types_that_an_object_can_have_at_once() -> None:
    domain = Domain("d", TYPES, {}, {}, {})
    assert domain.may_meet("truck", "vehicle") and domain.may_meet("vehicle", "truck")
    assert domain.may_meet("box|truck", "vehicle") and domain.may_meet("object", "box")
    assert not domain.may_meet("box", "vehicle") and not domain.may_meet("truck", "box")


def test_fluents_are_what_operators_change() -> None:
    assert Domain("d", TYPES, {}, {}, {"move": MOVE}).fluents == {"on", "off"}
    assert MOVE.arity == 1
