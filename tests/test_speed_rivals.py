"""The networks that the speed benchmark races have as many convolutions as it says."""

from __future__ import annotations

import json

import pytest

from tests.benchmark_runs import run_python

CODE = """
import json, torch
from nsm.config import Config
from nsm.data.triples import Schema
from nsm.models import build_model
from nsm.nn import RelationalUpdate
from rivals import WeightPerEdgeUpdate, with_reference_layers, with_weights_per_edge
from speed import sag_hierarchies
from tests.nn.odd_graphs import IN_CHANNELS, NUM_RELATIONS, odd_batch

names = tuple(f"{n}" for n in range(NUM_RELATIONS))
values = tuple(f"v{n}" for n in range(IN_CHANNELS - 2))
schema = Schema("toy", ("a",), ("none",), names, ("no", "yes"), values, order_channels=0)
config = Config(blocks=%s, num_levels=%d, refine_blocks=%d, channels=16)

def counted(model, kind):
    found = [module for module in model.modules() if isinstance(module, kind)]
    calls = []
    for module in found:
        module.register_forward_hook(lambda *_: calls.append(1))
    model(odd_batch())
    return len(found), len(calls), [tuple(m.conv.weight.shape) if kind is RelationalUpdate else tuple(m.weight.shape)
        for m in found]

model = build_model(config, schema)
ours = counted(model, RelationalUpdate)
sag = list(sag_hierarchies(schema, config).values())
rivals = [sum(len(level) for level in one.levels) for one in sag]
sizes = [sum(p.numel() for p in one.parameters()) for one in (model, *sag)]
same = counted(with_weights_per_edge(model), WeightPerEdgeUpdate)
wide = counted(with_reference_layers(model), WeightPerEdgeUpdate)
print(json.dumps([ours, rivals, same, wide, sizes]))
"""


def test_rivals_have_as_many_convolutions() -> None:
    for blocks, levels, refine in ((2, 3, 2), (3, 2, 0), ((2, 2, 3, 1), 4, 1)):
        ours, rivals, same, wide, sizes = json.loads(run_python("-c", CODE % (blocks, levels, refine)))
        assert rivals == [ours[0], *ours[:2]]
        assert abs(sizes[2] - sizes[0]) < abs(sizes[1] - sizes[0]), "the second is the one of as many parameters"
        assert same == ours
        assert wide[:2] == ours[:2]
        assert {tuple(shape[1:]) for shape in wide[2]} == {(16, 16)}, "all channels at once"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "nowhere"), "nowhere"),
        (("--rounds", "0"), "expected a whole number from 1 up, got '0'"),
        (("--json", "nowhere/speed.json"), "expected a file in a folder that is there"),
    ],
)
def test_what_cannot_be_measured_is_told_before_it_is(arguments: tuple[str, str], message: str) -> None:
    told = run_python("benchmarks/speed.py", *arguments, status=2)
    assert message in told and "Traceback" not in told
