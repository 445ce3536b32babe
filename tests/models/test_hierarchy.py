"""The hierarchy: exact round trip, domination, batches, order of nodes, gradients."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Batch, Data

from nsm.models import Hierarchy, compute_loss, reconstruction_error
from nsm.models.hierarchy import Ascent
from nsm.nn import cluster_imbalance
from tests.nn.odd_graphs import IN_CHANNELS, NUM_RELATIONS, SHAPES, odd_batch, odd_graph, permuted

LEVELS = [2, 3, 4, 5, 6]


def trained(num_levels: int, dtype: torch.dtype, dropout: float = 0.0, steps: int = 12) -> Hierarchy:
    """A hierarchy after some steps of training on the odd graphs: its weights are not the initial ones."""
    torch.manual_seed(num_levels)
    model = Hierarchy(IN_CHANNELS, NUM_RELATIONS, 2, channels=16, blocks=(2,) * num_levels, dropout=dropout, seed=1).to(
        dtype
    )
    batch = odd_batch(dtype)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    first = last = 0.0
    for step in range(steps):
        model.set_step(step)
        optimizer.zero_grad()
        loss = compute_loss(model(batch), batch, cycle_weight=0.1).total
        loss.backward()
        optimizer.step()
        first, last = (loss.item() if step == 0 else first), loss.item()
    assert last < first
    return model


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("num_levels", LEVELS)
def test_what_undoes_why(num_levels: int, training: bool) -> None:
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.float64, 1e-12)):
        model = trained(num_levels, dtype, dropout=0.2).train(training)
        batch = odd_batch(dtype)
        x, back = model.round_trip(batch)
        for g in range(batch.num_graphs):  # each odd graph by itself, not on average
            mine = batch.batch == g
            assert (back[mine] - x[mine]).norm() <= tolerance * x[mine].norm()


def test_without_details_the_way_back_is_lossy_and_the_loss_sees_it() -> None:
    model, batch = trained(3, torch.float64), odd_batch(torch.float64)
    output = model(batch)
    assert output.reconstructed is not None and output.target is not None
    assert output.reconstructed.requires_grad and not output.target.requires_grad  # the encoder is no way to cheat
    assert (output.reconstructed - output.target).norm() > 0.05 * output.target.norm()
    losses = compute_loss(output, batch, cycle_weight=0.5)
    torch.testing.assert_close(losses.total, losses.task + 0.5 * losses.cycle)


def test_every_node_has_a_leader_and_every_edge_is_inside_or_above() -> None:
    model, batch = trained(4, torch.float32), odd_batch()
    ascent = model.why(model.encoder(batch))
    assert len(ascent.plans) == 3
    for graph, plan in zip(ascent.graphs, ascent.plans, strict=False):
        assert torch.isin(plan.leader, plan.kept).all()
        pairs = {(min(e), max(e)) for e in graph.edge_index.t().tolist()}
        led = [(v, w) for v, w in enumerate(plan.leader.tolist()) if v != w]
        assert all((min(pair), max(pair)) in pairs for pair in led)
        position = plan.index[plan.leader]
        above = set(zip(*plan.coarse.edge_index.tolist(), plan.coarse.edge_type.tolist(), strict=True))
        for head, tail, relation in zip(*graph.edge_index.tolist(), graph.edge_type.tolist(), strict=True):
            high, low = position[head].item(), position[tail].item()
            assert high == low or (high, low, relation) in above


def test_a_batch_gives_what_its_graphs_give_one_by_one() -> None:
    model = trained(3, torch.float64).eval()
    together = model(odd_batch(torch.float64))
    alone = [model(odd_graph(name, torch.float64)) for name in SHAPES]
    torch.testing.assert_close(together.logits, torch.cat([one.logits for one in alone]))
    torch.testing.assert_close(together.reconstructed, torch.cat([one.reconstructed for one in alone]))


@pytest.mark.parametrize("name", list(SHAPES))
def test_the_order_of_nodes_and_edges_changes_nothing(name: str) -> None:
    model, data = trained(3, torch.float64).eval(), odd_graph(name, torch.float64)
    order = torch.randperm(data.num_nodes, generator=torch.Generator().manual_seed(5))
    logits, reconstructed = model(data)
    other_logits, other_reconstructed = model(permuted(data, order))
    torch.testing.assert_close(other_logits, logits, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(other_reconstructed, reconstructed[order], rtol=1e-8, atol=1e-8)


def test_every_parameter_has_a_gradient() -> None:
    model, batch = trained(3, torch.float32, steps=3), odd_batch()
    model.zero_grad()
    compute_loss(model(batch), batch, cycle_weight=0.1).total.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_halving_all_confidences_changes_the_output() -> None:
    model, batch = trained(3, torch.float64).eval(), odd_batch(torch.float64)
    before = model(batch).logits
    batch.edge_weight = batch.edge_weight / 2
    assert (model(batch).logits - before).abs().max() > 1e-3


def test_a_graph_without_weights_and_keys_is_taken_as_certain() -> None:
    model, data = trained(2, torch.float32).eval(), odd_graph("cycle")
    bare = Data(x=data.x, edge_index=data.edge_index, edge_type=data.edge_type)
    certain = Data(
        x=data.x,
        edge_index=data.edge_index,
        edge_type=data.edge_type,
        edge_weight=torch.ones(data.num_edges),
        tie_key=torch.arange(data.num_nodes),
    )
    torch.testing.assert_close(model(bare).logits, model(Batch.from_data_list([certain])).logits)


def test_a_hierarchy_without_levels_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 level"):
        Hierarchy(IN_CHANNELS, NUM_RELATIONS, 2, blocks=())


def made(**more: object) -> Hierarchy:
    torch.manual_seed(0)
    return Hierarchy(IN_CHANNELS, NUM_RELATIONS, 2, **{"channels": 16, **more}).double()  # type: ignore[arg-type]


def test_ties_above_the_concrete_level_are_broken_by_the_stored_keys_too() -> None:
    """A ring of which every third node stays: at level 1 these are all alike."""
    model, generator = made(blocks=(1, 1, 1), pool_ratio=1 / 3), torch.Generator().manual_seed(0)
    ring, ones = torch.arange(24), torch.ones(48, dtype=torch.float64)
    keys, order = (torch.randperm(24, generator=generator) for _ in range(2))
    edge_index = torch.stack((torch.cat((ring, ring)), torch.cat((ring.roll(1), ring.roll(-1)))))
    x = (ring % 3 == 0).double().unsqueeze(1).repeat(1, IN_CHANNELS)
    data = Data(x=x, edge_index=edge_index, edge_type=0 * edge_index[0], edge_weight=0.9 * ones, tie_key=keys)
    plans, others = (model.why(model.encoder(one)).plans for one in (data, permuted(data, order)))
    assert plans[0].kept.tolist() == list(range(0, 24, 3))
    assert float(plans[1].score.detach().std()) < 1e-12
    found, expected = (first.kept[second.kept] for first, second in (others, plans))
    assert order[found].sort().values.tolist() == expected.tolist()


def test_one_level_is_top_and_bottom_and_reconstructs_nothing() -> None:
    model, batch = made(blocks=(3,)), odd_batch(torch.float64)
    output = model(batch)
    assert output.reconstructed is None
    encoded = model.encoder(batch)
    (features,) = model.why(encoded).features
    refined = model.refine(features, encoded.graph)
    expected = model.readout([(refined, encoded.batch)], encoded.num_graphs)
    torch.testing.assert_close(output.logits, expected)
    x, back = model.round_trip(batch)
    torch.testing.assert_close(back, x)
    assert model.level_errors(batch) == ([], [])
    compute_loss(output, batch, cycle_weight=0.5).total.backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters() if parameter.grad is not None)
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_every_node_hears_from_its_leader_level_by_level() -> None:
    model, batch = made(), odd_batch(torch.float64)
    encoded = model.encoder(batch)
    ascent = model.why(encoded)
    heard = ascent.features[-1]
    for depth in (1, 0):
        plan, fusion, own = ascent.plans[depth], model.fusions[depth], ascent.features[depth]
        gate = torch.sigmoid(fusion.gate)
        rows = []
        for node, leader in enumerate(plan.leader.tolist()):
            row = plan.kept.tolist().index(leader)
            rows.append(gate * own[node] + (1 - gate) * fusion.map(heard[row]))
        heard = torch.stack(rows)
    bottom = model.refine(heard, ascent.graphs[0])
    torch.testing.assert_close(model.pass_down(ascent), bottom)
    levels = [(bottom, encoded.batch), (ascent.features[-1], ascent.plans[-1].batch)]
    output = model(batch, reconstruct=False)
    torch.testing.assert_close(output.logits, model.readout(levels, encoded.num_graphs))
    assert output.reconstructed is None
    whole = model(batch)
    torch.testing.assert_close(whole.logits, output.logits)
    assert whole.reconstructed is not None


def test_untyped_contraction_has_one_relation_above_the_concrete_level() -> None:
    model, batch = made(contraction="untyped"), odd_batch(torch.float64)
    ascent = model.why(model.encoder(batch))
    assert [graph.num_relations for graph in ascent.graphs] == [NUM_RELATIONS, 1, 1]
    assert all(not graph.edge_type.any() for graph in ascent.graphs[1:])
    for graph, plan in zip(ascent.graphs, ascent.plans, strict=False):
        position = plan.index[plan.leader][graph.edge_index]
        apart = position[:, position[0] != position[1]].t().tolist()
        assert {tuple(pair) for pair in apart} == {tuple(pair) for pair in plan.coarse.edge_index.t().tolist()}
        assert len(set(map(tuple, apart))) == plan.coarse.edge_index.shape[1]  # parallel edges are one
    x, back = model.round_trip(batch)
    torch.testing.assert_close(back, x)
    sizes = [sum(p.numel() for p in one.parameters()) for one in (model, made())]
    assert sizes[0] < 0.9 * sizes[1]


def test_a_readout_from_the_top_sees_the_abstract_level_only() -> None:
    model, batch = made(readout="top", query_role=1), odd_batch(torch.float64)
    batch.role = torch.arange(batch.num_nodes) % 3
    output = model(batch)
    assert output.reconstructed is not None  # it still comes back, to be taught to
    encoded = model.encoder(batch)
    ascent = model.why(encoded)
    top = ascent.features[-1]
    numbers = torch.arange(batch.num_nodes)  # of the concrete nodes that are at the top, then of each node's leader
    for plan in ascent.plans:
        numbers = numbers[plan.kept]
    leaders = torch.arange(batch.num_nodes)
    for plan, known in zip(ascent.plans, _known(ascent, batch.num_nodes), strict=True):
        leaders = known[plan.leader[torch.searchsorted(known, leaders)]]
    spread = top[torch.searchsorted(numbers, leaders)]
    expected = model.readout([(spread, encoded.batch)], encoded.num_graphs, batch.role == 1)
    torch.testing.assert_close(output.logits, expected)
    torch.testing.assert_close(model(batch, reconstruct=False).logits, output.logits)
    compute_loss(output, batch, cycle_weight=0.1).total.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def _known(ascent: Ascent, num_nodes: int) -> list[torch.Tensor]:
    """The concrete numbers of each level's nodes, without those of the top."""
    numbers = [torch.arange(num_nodes)]
    for plan in ascent.plans[:-1]:
        numbers.append(numbers[-1][plan.kept])
    return numbers


def test_errors_of_the_levels_are_those_of_the_way_back() -> None:
    model, batch = trained(4, torch.float64).eval(), odd_batch(torch.float64)
    errors, exactly = model.level_errors(batch)
    assert max(float(error.max()) for error in exactly) < 1e-6  # the error has a floor there, see its formula
    assert [error.shape for error in errors] == [(batch.num_graphs,)] * 3
    ascent = model.why(model.encoder(batch))
    bottom = model.descend(ascent, use_details=False)
    expected = reconstruction_error(bottom, ascent.features[0], batch.batch, batch.num_graphs)
    torch.testing.assert_close(errors[0], expected.detach())
    exact = list(model.descent(ascent, use_details=True))
    for x, features in zip(exact, reversed(ascent.features[:-1]), strict=True):
        torch.testing.assert_close(x, features)
    assert all(float(error.detach().mean()) > 0.01 for error in errors)


def test_every_level_has_a_readout_of_its_own_where_that_is_switched_on() -> None:
    batch = odd_batch(torch.float64)
    plain, model = made(), made(use_level_heads=True)
    weights = model.state_dict()
    assert all(torch.equal(weights[name], weight) for name, weight in plain.state_dict().items())  # drawn alike
    before, output = plain(batch), model(batch)
    assert before.level_logits == [] and torch.equal(before.logits, output.logits)
    ascent = model.why(model.encoder(batch))
    batches = [batch.batch, *(plan.batch for plan in ascent.plans)]
    for head, logits, x, graphs in zip(model.level_heads, output.level_logits, ascent.features, batches, strict=True):
        torch.testing.assert_close(logits, head([(x, graphs)], batch.num_graphs))
    compute_loss(output, batch, 0.0, auxiliary_weight=1.0).auxiliary.backward()
    for name in ("level_heads", "levels", "encoder"):
        for parameter in getattr(model, name).parameters():
            assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name
    one = made(blocks=(2,), use_level_heads=True)(batch)
    assert [logits.shape for logits in one.level_logits] == [(batch.num_graphs, 2)]


def test_the_balance_of_clusters_is_measured_where_it_is_switched_on() -> None:
    batch = odd_batch(torch.float64)
    plain, model = made(blocks=(2, 1, 1)), made(blocks=(2, 1, 1), use_balance=True)
    before, output = plain(batch), model(batch)
    assert before.imbalance is None and torch.equal(before.logits, output.logits)
    plans = model.why(model.encoder(batch)).plans
    each = [cluster_imbalance(plan, batch.num_graphs) for plan in plans]
    torch.testing.assert_close(output.imbalance, (each[0] + each[1]) / 2)
    with torch.no_grad():  # an evaluation has no use for it
        assert model(batch).imbalance is None
    compute_loss(output, batch, 0.0, balance_weight=1.0).balance.backward()
    for lifting in model.liftings:
        weight = lifting.score.weight  # type: ignore[union-attr]
        assert weight.grad is not None and weight.grad.abs().sum() > 0
    assert made(blocks=(2,), use_balance=True)(batch).imbalance is None  # one level has no clusters


def test_types_and_roles_are_read_from_the_reconstruction_where_that_is_switched_on() -> None:
    batch = odd_batch(torch.float64)
    batch.node_type, batch.role = torch.arange(batch.num_nodes) % 3, torch.arange(batch.num_nodes) % 2
    plain, model = made(), made(decodes=(3, 2))
    weights = model.state_dict()
    assert all(torch.equal(weights[name], weight) for name, weight in plain.state_dict().items())  # drawn alike
    before, output = plain(batch), model(batch)
    assert before.undecoded is None and torch.equal(before.logits, output.logits)
    read = model.decoder(output.reconstructed, batch.node_type, batch.role, batch.batch, batch.num_graphs)
    torch.testing.assert_close(output.undecoded, read)
    assert model(batch, reconstruct=False).undecoded is None
    with torch.no_grad():  # an evaluation has no use for it
        assert model(batch).undecoded is None
    losses = compute_loss(output, batch, 1.0, decode_weight=0.5)
    losses.decode.backward()
    for name in ("decoder", "encoder", "liftings"):
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in getattr(model, name).parameters()), name
