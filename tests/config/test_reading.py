"""Where a value comes from, and what an error says about one that does not fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nsm.config import Config, load_config
from nsm.errors import ConfigError

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_text(text: str) -> Path:
        file = tmp_path / "given.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return write_text


def test_keyword_beats_override_beats_file_beats_default(write: Write) -> None:
    file = write("seed = 1\nepochs = 2\nbatch_size = 3\n[planning]\ngraphs = 40\nmin_length = 9\n")
    config = load_config(file, ["epochs=5", "batch_size=6", "planning.graphs=50"], batch_size=7)
    assert (config.seed, config.epochs, config.batch_size) == (1, 5, 7)
    assert (config.planning.graphs, config.planning.min_length) == (50, 9)
    assert config.channels == Config().channels


def test_a_later_override_wins() -> None:
    assert load_config(None, ["epochs=5", "epochs=6"]).epochs == 6


def test_keywords_that_are_none_count_as_not_given(write: Write) -> None:
    config = load_config(write("seed = 4"), [], seed=None, planning={"pddl": None, "graphs": 33})
    assert (config.seed, config.planning.graphs) == (4, 33)


def test_alias_in_every_layer(write: Write) -> None:
    assert load_config(write("lr = 0.5")).learning_rate == 0.5
    assert load_config(write("lr = 0.5"), ["learning_rate=0.25"]).learning_rate == 0.25
    assert load_config(None, ["lr=0.125"]).learning_rate == 0.125
    with pytest.raises(ConfigError, match="one setting") as caught:
        load_config(write("seed = 1\nlr = 0.5\nlearning_rate = 0.5"))
    assert caught.value.line == 2


@pytest.mark.parametrize(
    ("pair", "read"),
    [
        ("run=2024", lambda config: config.run == "2024"),
        ('run="quoted"', lambda config: config.run == "quoted"),
        ("root=~/x y", lambda config: config.root == Path("~/x y").expanduser()),
        ("planning.domains=ferry,grid", lambda config: config.planning.domains == ("ferry", "grid")),
        ("planning.domains=['ferry']", lambda config: config.planning.domains == ("ferry",)),
        ("planning.allow_leaks=true", lambda config: config.planning.allow_leaks is True),
        ("blocks=[1, 2]", lambda config: config.blocks_per_level == (1, 2)),
        ("blocks=1,2", lambda config: config.blocks_per_level == (1, 2)),
        ("blocks=1, 2", lambda config: config.blocks_per_level == (1, 2)),
        ("blocks=4", lambda config: config.blocks_per_level == (4, 1)),
        ("planning.domains=ferry", lambda config: config.planning.domains == ("ferry",)),
        ("planning.domains='ferry', \"grid\"", lambda config: config.planning.domains == ("ferry", "grid")),
        ("cycle_weight=1", lambda config: config.cycle_weight == 1.0),
        ("lr = 1e-3", lambda config: config.learning_rate == 1e-3),
    ],
)
def test_values_on_the_command_line(pair: str, read: Callable[[Config], bool]) -> None:
    assert read(load_config(None, [pair]))


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("seed = 1\nepoch = 3\n", 2, "unknown key 'epoch'", "did you mean 'epochs'?"),
        (
            "seed = 1\n\n[planning]\n# how many\ngraph = 3\n",
            5,
            "unknown key 'planning.graph'",
            "'planning.graphs'",
        ),
        ("[plannig]\ngraphs = 3\n", 1, "unknown key 'plannig'", "did you mean 'planning'?"),
        ("[planning]\nfoo = 3\n", 2, "unknown key 'planning.foo'", "valid keys: "),
        ("planning.domains = ['ferry', 'blockworld']\n", 1, "expected 'blocksworld', 'gripper'", None),
        ("\ufeffepochs = 'ten'\n", 1, "epochs: expected a whole number", None),
        ("graphs = 100\n", 1, "unknown key 'graphs'", "'planning.graphs'"),
        ("planning.graph = 3\n", 1, "unknown key 'planning.graph'", "'planning.graphs'"),
        ("xyz = 3\n", 1, "unknown key 'xyz'", "valid keys: domain, seed"),
        ("epochs = 'ten'\n", 1, "epochs: expected a whole number, got 'ten'", None),
        ("epochs = 1.5\n", 1, "epochs: expected a whole number, got 1.5", None),
        ("epochs = true\n", 1, "epochs: expected a whole number, got True", None),
        ("seed = 1\nepochs = 0\n", 2, "epochs: expected at least 1, got 0", None),
        ("blocks = 'two'\n", 1, "blocks: expected a whole number, got 'two'", None),
        ("blocks = [1, 'x', 3]\n", 1, "blocks: expected a whole number, got 'x'", None),
        ("blocks = [1, 2, 0]\n", 1, "blocks: expected at least 1, got 0", None),
        ("lr = 'fast'\n", 1, "lr: expected a number, got 'fast'", None),
        ("model = 'big'\n", 1, "'majority' or package.module:Name, got 'big'", None),
        ("planning = 3\n", 1, "planning: expected a table, got 3", None),
        ("num_levels = 2\nblocks = [1, 2, 3]\n", 2, "blocks: expected one number per level", None),
        (
            "[planning]\nmin_length = 30\n",
            2,
            "planning.min_length: expected at most max_length (24), got 30",
            None,
        ),
        ("[planning]\nplan_source = 'files'\n", 2, "set planning.pddl as well", None),
        ("[planning]\ndomains = ['ferry', 3]\n", 2, "planning.domains: expected 'blocksworld', 'gripper',", None),
        ("seed = 1\nepochs = = 2\n", 2, "expected TOML", None),
        ("seed = 1\nseed = 2\n", 2, "expected TOML", None),
    ],
)
def test_an_error_names_file_line_key_and_what_came(
    write: Write, text: str, line: int, message: str, hint: str | None
) -> None:
    file = write(text)
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    error = caught.value
    assert (error.file, error.line) == (str(file), line)
    assert message in error.message
    assert hint is None or hint in (error.hint or "")


def test_an_error_in_an_override_names_the_override_not_the_file(write: Write) -> None:
    with pytest.raises(ConfigError, match="in --set epochs=x") as caught:
        load_config(write("epochs = 3"), ["epochs=x"])
    assert caught.value.file is None


@pytest.mark.parametrize("pair", ["epochs", "=3", "planning.=3", ""])
def test_an_override_without_key_or_value(pair: str) -> None:
    with pytest.raises(ConfigError, match="expected key=value"):
        load_config(None, [pair])


def test_lists_that_are_nested_too_deep(write: Write) -> None:
    deep = f"{'[' * 5000}1{']' * 5000}"
    with pytest.raises(ConfigError, match="nested too deep") as caught:
        load_config(write(f"blocks = {deep}\n"))
    assert caught.value.file is not None
    with pytest.raises(ConfigError, match="blocks: expected a whole number"):
        load_config(None, [f"blocks={deep}"])


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    for file, message in (
        (tmp_path / "none.toml", "No such file"),
        (tmp_path, "directory"),
        (binary, "UTF-8"),
    ):
        with pytest.raises(ConfigError, match=message) as caught:
            load_config(file)
        assert caught.value.file == str(file)


def test_the_provenance_of_a_run_is_no_setting(write: Write) -> None:
    assert load_config(write("epochs = 3\n[provenance]\nnsm = '0.1'\n")).epochs == 3


def test_a_run_of_before_a_key_does_as_it_did(write: Write) -> None:
    run = "epochs = 3\n[provenance]\nnsm = '0.1'\n"
    assert load_config(write(run)).average_share == 0 < load_config(write("epochs = 3\n")).average_share
    assert load_config(write("average_share = 0.25\n" + run)).average_share == 0.25
    assert load_config(write(run), ["average_share=0.5"]).average_share == 0.5


def test_a_value_in_the_place_of_a_table_is_refused_whatever_options_are_not_given() -> None:
    with pytest.raises(ConfigError, match="planning"):
        load_config(None, ["planning=3"], planning={"pddl": None})


@pytest.mark.parametrize("pair", ["warmup_epochs=inf", "cycle_weight=inf", "clip_norm=nan"])
def test_numbers_are_finite(pair: str) -> None:
    with pytest.raises(ConfigError, match=f"{pair.split('=')[0]}: expected a finite number, got"):
        load_config(None, [pair])


def test_a_domain_is_named_once() -> None:
    with pytest.raises(ConfigError, match="each domain once"):
        load_config(None, ["planning.domains=ferry,ferry"])
