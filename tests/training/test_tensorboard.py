"""TensorBoard's own reader finds everything that was written, and no epoch twice."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from nsm.data.packed import PackedGraphs
from nsm.runs import Run
from nsm.training import Trainer
from nsm.training.norms import weight_norms
from nsm.training.state import capture, restore
from nsm.training.tensorboard import TensorBoard
from tests.training.test_trainer import AtStep, equal, request_stop
from tests.training.toy_graphs import continued, toy_trainer


def read(run: Run) -> EventAccumulator:
    reader = EventAccumulator(str(run.tensorboard), size_guidance={"histograms": 0})  # 0: all of them
    reader.Reload()
    return reader


def test_every_figure_of_the_history_is_there(graphs: PackedGraphs, tmp_path: Path) -> None:
    trainer = toy_trainer(graphs, tmp_path, TensorBoard(), epochs=3, eval_every=2)
    trainer.fit()
    reader = read(trainer.run)
    named = {
        "Loss/train": "train_loss",
        "Loss/val": "val_loss",
        "Accuracy/train": "train_acc",
        "Accuracy/val": "val_acc",
        "Accuracy/val_top_share": "val_top_share",
    }
    named |= {"Optimizer/learning_rate": "learning_rate", "Optimizer/grad_norm": "grad_norm"}
    named |= {f"Loss/{part}_{term}": f"{part}_{term}_loss" for part in ("train", "val") for term in ("task", "cycle")}
    named |= {f"Resources/{name}": name for name in ("seconds", "graphs_per_second", "memory_mib")}
    kept = set().union(*(record.metrics | record.resources for record in trainer.history))
    named["Reconstruction/level_0"] = "val_reconstruction_level_0"
    assert set(named.values()) == kept
    for tag, name in named.items():
        expected = {
            record.epoch: figures[name]
            for record in trainer.history
            if name in (figures := record.metrics | record.resources)
        }
        assert [point.step for point in reader.Scalars(tag)] == list(expected)
        assert [point.value for point in reader.Scalars(tag)] == pytest.approx(list(expected.values()))
    assert [point.value for point in reader.Scalars("Accuracy/majority")] == pytest.approx([trainer.majority] * 3)
    layers = {f"{kind} norm/{layer}" for kind in ("Weight", "Gradient") for layer in weight_norms(trainer.model)}
    assert set(reader.Tags()["scalars"]) == {*named, "Accuracy/majority", *layers}


def test_layers_levels_and_histograms(graphs: PackedGraphs, tmp_path: Path) -> None:
    trainer = toy_trainer(graphs, tmp_path, TensorBoard(), epochs=2, num_levels=3, eval_every=5)
    trainer.fit()
    reader = read(trainer.run)
    layers = {name.rpartition(".")[0] for name, _ in trainer.model.named_parameters()}
    for layer in layers:
        expected = [record.gradient_norms[layer] for record in trainer.history]
        assert [point.value for point in reader.Scalars(f"Gradient norm/{layer}")] == pytest.approx(expected)
        assert len(reader.Scalars(f"Weight norm/{layer}")) == 2
    assert [len(reader.Scalars(f"Reconstruction/level_{level}")) for level in (0, 1)] == [1, 1]
    assert "Reconstruction/level_2" not in reader.Tags()["scalars"]
    matrices = {name for name, weight in trainer.model.named_parameters() if weight.ndim > 1}
    assert set(reader.Tags()["histograms"]) == {f"Weights/{name}" for name in matrices}
    assert [point.step for point in reader.Histograms("Weights/encoder.linear.weight")] == [1, 2]


def test_a_long_run_has_few_histograms(graphs: PackedGraphs, tmp_path: Path) -> None:
    trainer = toy_trainer(graphs, tmp_path, TensorBoard(), epochs=30, model="flat", flat_layers=1, eval_every=30)
    trainer.fit()
    steps = [point.step for point in read(trainer.run).Histograms("Weights/encoder.linear.weight")]
    assert steps == [6, 12, 18, 24, 30]


def test_watching_changes_nothing(graphs: PackedGraphs, tmp_path: Path) -> None:
    plain, watched = toy_trainer(graphs, tmp_path), toy_trainer(graphs, tmp_path, TensorBoard())
    plain.fit()
    watched.fit()
    assert plain.history == watched.history
    assert equal(plain.model.state_dict(), watched.model.state_dict())


def test_going_on_hides_what_was_written_since(graphs: PackedGraphs, tmp_path: Path) -> None:
    states = []
    first = toy_trainer(
        graphs, tmp_path, AtStep(12, lambda at: states.append(copy.deepcopy(capture(at)))), TensorBoard(), epochs=4
    )
    first.fit()  # the process dies after its last epoch; the checkpoint is from the third
    again = toy_trainer(graphs, tmp_path, TensorBoard(), epochs=4)
    again.run = first.run
    restore(again, states[0], first.run.last)
    assert (again.position.epoch, again.position.batch) == (2, 2)
    again.fit()
    reader = read(first.run)
    for tag in ("Loss/train", "Loss/val", "Weight norm/encoder.linear", "Reconstruction/level_0"):
        assert [point.step for point in reader.Scalars(tag)] == [1, 2, 3, 4]
    assert [point.step for point in reader.Histograms("Weights/encoder.linear.weight")] == [1, 2, 3, 4]
    written = [point.value for point in reader.Scalars("Loss/train")]
    assert written == pytest.approx([record.metrics["train_loss"] for record in again.history])


def test_an_epoch_whose_curves_were_lost_is_drawn_again(graphs: PackedGraphs, tmp_path: Path) -> None:
    """The process died between the checkpoint of its second epoch and that epoch's curves."""
    first = toy_trainer(graphs, tmp_path, TensorBoard(), epochs=1)
    first.fit()
    lost = continued(graphs, first, epochs=2)
    lost.fit()
    again = continued(graphs, first, TensorBoard(), epochs=3)
    again.fit()
    reader = read(first.run)
    for tag in ("Loss/train", "Loss/val", "Weight norm/encoder.linear", "Gradient norm/encoder.linear"):
        assert [point.step for point in reader.Scalars(tag)] == [1, 2, 3]


def test_a_finished_run_stays_as_it_is(graphs: PackedGraphs, tmp_path: Path) -> None:
    trainer = toy_trainer(graphs, tmp_path, TensorBoard(), epochs=1)
    trainer.fit()
    files = list(trainer.run.tensorboard.iterdir())
    continued(graphs, trainer, TensorBoard()).fit()
    assert list(trainer.run.tensorboard.iterdir()) == files


def test_figures_of_a_finished_training_only(graphs: PackedGraphs, tmp_path: Path) -> None:
    def draw(trainer: Trainer) -> dict[str, Figure]:
        del trainer
        return {"empty": Figure(figsize=(1, 1))}

    whole = toy_trainer(graphs, tmp_path, TensorBoard(draw), epochs=2)
    whole.fit()
    assert [picture.step for picture in read(whole.run).Images("Validation/empty")] == [2]
    stopped = toy_trainer(graphs, tmp_path, TensorBoard(draw), AtStep(7, request_stop), epochs=2)
    stopped.fit()
    assert read(stopped.run).Tags()["images"] == []
