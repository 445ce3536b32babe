"""Every parameter is in the table once, in the order in which data pass."""

from __future__ import annotations

import pytest
from torch import nn

from nsm.analysis.parameters import depth_order, parameter_table, part_of
from tests.analysis.toy_models import toy_model


@pytest.mark.parametrize("model", [toy_model(4), toy_model(model="flat")], ids=["hierarchy", "flat"])
def test_the_table_adds_up_to_the_model(model: nn.Module) -> None:
    found = parameter_table(model)
    named = dict(model.named_parameters())
    assert {layer.path for layer in found.layers} == set(named)
    assert found.total == sum(found.parts.values()) == sum(parameter.numel() for parameter in named.values())
    assert list(found.parts) == ["encoder", "levels", "readout"]
    assert sum(layer.share for layer in found.layers) == pytest.approx(1)
    for layer in found.layers:
        assert layer.shape == tuple(named[layer.path].shape)
        assert layer.norm == pytest.approx(float(named[layer.path].detach().norm()), rel=1e-5)


def test_a_lifting_follows_the_level_that_it_leaves() -> None:
    order = [path.split(".")[:2] for path in depth_order(dict(toy_model(3).named_parameters()))]
    steps = list(dict.fromkeys(map(tuple, (step for step in order if step[0] in ("levels", "liftings")))))
    assert steps == [("levels", "0"), ("liftings", "0"), ("levels", "1"), ("liftings", "1"), ("levels", "2")]
    assert order[0][0] == "encoder"
    assert order[-1][0] == "readout"


def test_shared_tensors_count_once_and_foreign_models_have_their_own_parts() -> None:
    first = nn.Linear(3, 3, bias=False)
    found = parameter_table(nn.ModuleDict({"one": first, "two": first}))
    assert (found.total, found.parts) == (9, {"one": 9})
    assert part_of("fusions.0.map.weight") == part_of("level_heads.0.head.0.weight") == "readout"
    text = found.to_text()
    assert "one.weight" in text and "3 x 3" in text
    assert found.to_json()["layers"][0]["shape"] == [3, 3]
    assert found._repr_html_().count("<table>") == 2
