"""The data set of one network: both rungs, questions held out by group, an audit that passes."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from nsm.config import CausalConfig
from nsm.data.audit import audit
from nsm.data.build import build_dataset
from nsm.data.causal.network_confirm import confirmed_network_share
from nsm.data.causal.network_source import NetworkSource
from nsm.data.causal.source import Shard
from nsm.errors import DataError
from tests.data.causal.networks_by_hand import SPRINKLER, write

LONG = SPRINKLER + "".join(
    f"""variable x{i} {{ type discrete [ 3 ] {{ low, mid, high }}; }}
probability ( x{i} | {cause} ) {{ default 0.2, 0.3, 0.5; ({first}) {0.7 - i / 20:.2f}, 0.2, {0.1 + i / 20:.2f}; }}
"""
    for i, (cause, first) in enumerate([("lawn", "dry"), ("x0", "low"), ("season", "wet"), ("x2", "mid")])
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path, LONG)


def test_groups_are_what_is_asked_about_and_never_cross_a_split(file: Path, tmp_path: Path) -> None:
    source = NetworkSource(CausalConfig(graphs=900, bif=file), file, 0)
    graphs = build_dataset(source, tmp_path / "cache")
    table, splits = graphs.table, defaultdict(set)
    for group, split in zip(table["group"].to_pylist(), graphs.splits, strict=True):
        splits[group].add(int(split))
    assert len(splits) > 50
    assert all(len(found) == 1 for found in splits.values())
    assert set(table["rung"].to_pylist()) == {"association", "intervention"}
    found = audit(graphs, confirm=lambda some: confirmed_network_share(some, source.network))
    assert found.confirmed == 1.0
    assert found.majority == pytest.approx(0.5)
    assert found.verdict == "pass", found.reasons


def test_a_shard_is_a_function_of_seed_and_number(file: Path) -> None:
    shard = Shard("intervention", 0, 5)
    one, again, other = (NetworkSource(CausalConfig(bif=file), file, seed).make(shard) for seed in (0, 0, 1))
    assert len(one) == 10
    assert [sample.names for sample in one] == [sample.names for sample in again]
    assert [sample.names for sample in one] != [sample.names for sample in other]
    assert all(sample.group.count("do ") in (1, 2) for sample in one)
    assert np.mean([sample.label for sample in one]) == 0.5


def test_the_key_knows_the_content_of_the_file(file: Path) -> None:
    before = NetworkSource(CausalConfig(bif=file), file, 0).key()
    file.write_text(LONG.replace("0.3, 0.5, 0.2", "0.2, 0.5, 0.3"))
    assert NetworkSource(CausalConfig(bif=file), file, 0).key() != before


def test_counterfactuals_are_left_out(file: Path) -> None:
    source = NetworkSource(CausalConfig(bif=file, rungs=("counterfactual", "association")), file, 0)
    assert source.rungs == ["association"]
    assert {shard.rung for shard in source.shards()} == {"association"}


def test_a_network_without_dependence_is_refused(tmp_path: Path) -> None:
    alone = "".join(
        f"variable v{i} {{ type discrete [ 2 ] {{ a, b }}; }} probability ( v{i} ) {{ table 0.4, 0.6; }}\n"
        for i in range(5)
    )
    file = write(tmp_path, alone)
    with pytest.raises(DataError, match="no two questions of the rung 'association'") as caught:
        NetworkSource(CausalConfig(bif=file), file, 0).make(Shard("association", 0, 5))
    assert caught.value.file == str(file)
