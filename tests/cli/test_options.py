"""From options to one configuration, and the threads that must be known before torch is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import typer

from nsm.cli.data import app as data_app
from nsm.cli.main import app
from nsm.cli.options import configure, limit_threads
from nsm.errors import ConfigError
from tests.cli.conftest import Command

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in THREADS:
        monkeypatch.setenv(name, "9")  # so that it is put back afterwards
        monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "some.toml"
    file.write_text("seed = 1\nepochs = 1\nthreads = 3\n[planning]\nallow_leaks = true\n")
    return file


def test_an_option_beats_a_setting_and_that_the_file(file: Path) -> None:
    config = configure(file, ["epochs=2", "seed=2"], domain="planning", seed=3, epochs=None)
    assert (config.seed, config.epochs, config.threads) == (3, 2, 3)


def test_a_flag_that_is_not_given_leaves_the_file_as_it_is(file: Path) -> None:
    assert configure(file, None).planning.allow_leaks
    assert not configure(None, None, domain="planning").planning.allow_leaks
    assert configure(None, None, domain="planning", allow_leaks=True).planning.allow_leaks


def test_leaks_are_allowed_in_the_domain_that_is_asked_for(tmp_path: Path) -> None:
    settings = configure(None, None, data=tmp_path, allow_leaks=True)
    assert settings.own.allow_leaks
    assert not settings.planning.allow_leaks


def test_own_data_needs_no_domain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for domain in (None, "own"):
        settings = configure(None, None, domain=domain, data=Path("mine"))
        assert (settings.domain, settings.own.data) == ("own", tmp_path / "mine")
    with pytest.raises(ConfigError, match="expected no domain, got 'planning'"):
        configure(None, None, domain="planning", data=Path("mine"))


def test_something_has_to_say_the_domain(file: Path) -> None:
    assert configure(file, None).domain == "planning"
    with pytest.raises(ConfigError, match="expected a domain, got none") as caught:
        configure(None, None)
    assert "--data" in str(caught.value.hint)


def test_plan_files_are_what_plans_come_from(tmp_path: Path) -> None:
    own = configure(None, [], domain="planning", pddl=tmp_path / "a").planning
    assert (own.pddl, own.plans, own.plan_source) == (tmp_path / "a", None, "walk")
    given = configure(None, [], domain="planning", pddl=tmp_path / "a", plans=tmp_path / "b").planning
    assert (given.pddl, given.plans, given.plan_source) == (tmp_path / "a", tmp_path / "b", "files")
    with pytest.raises(ConfigError, match=r"set planning\.pddl as well"):
        configure(None, [], domain="planning", plans=tmp_path / "b")


def test_a_graph_and_the_one_to_test_on(tmp_path: Path) -> None:
    kg = configure(None, [], domain="kg", graph=tmp_path / "a", inductive=tmp_path / "b").kg
    assert (kg.graph, kg.inductive) == (tmp_path / "a", tmp_path / "b")
    with pytest.raises(ConfigError, match=r"set kg\.graph as well"):
        configure(None, [], domain="kg", inductive=tmp_path / "b")


def test_an_option_of_another_domain_is_refused(tmp_path: Path) -> None:
    causal = configure(None, None, domain="causal", bif=tmp_path / "a.bif").causal
    assert (causal.bif, causal.network) == (tmp_path / "a.bif", None)
    assert configure(None, None, domain="causal", network="asia").causal.network == "asia"
    with pytest.raises(ConfigError, match="--network is an option of causal, got the domain 'planning'"):
        configure(None, None, domain="planning", network="asia")
    with pytest.raises(ConfigError, match="--pddl is an option of planning, got the domain 'causal'"):
        configure(None, None, domain="causal", pddl=tmp_path)


def test_threads_are_those_of_the_configuration(file: Path) -> None:
    configure(file, None)
    assert [os.environ[name] for name in THREADS] == ["3"] * 3


def test_threads_that_the_user_chose_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    limit_threads(2)
    assert [os.environ[name] for name in THREADS] == ["7", "2", "2"]


def test_a_mistake_changes_nothing() -> None:
    with pytest.raises(ConfigError, match="unknown key 'epoch'"):
        configure(None, ["threads=2", "epoch=3"], domain="planning")
    assert not set(THREADS) & set(os.environ)


@pytest.mark.parametrize("command", ["train", "audit", "data show", "data card"])
def test_commands_share_their_options(nsm: Command, command: str) -> None:
    status, out, _ = nsm(*command.split(), "--help")
    assert status == 0
    shared = (
        "--config",
        "--set",
        "--seed",
        "--root",
        "--data",
        "--pddl",
        "--plans",
        "--graph",
        "--inductive",
        "--quiet",
        "--json",
        "--debug",
    )
    assert [option for option in shared if f" {option} " not in out] == []


def test_every_command_about_data_takes_all_options_that_choose_them() -> None:
    chosen = {"--data", "--pddl", "--plans", "--network", "--bif", "--graph", "--inductive"}
    given = {}
    for group in (typer.main.get_command(app), typer.main.get_command(data_app)):
        for name, command in getattr(group, "commands", {}).items():
            given[name] = chosen & {option for parameter in command.params for option in parameter.opts}
    about_data = {name: options for name, options in given.items() if "--pddl" in options}
    assert {"train", "audit", "show", "card"} <= about_data.keys()
    assert about_data == dict.fromkeys(about_data, chosen)
