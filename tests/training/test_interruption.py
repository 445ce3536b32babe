"""Signals as requests; how the loop answers them is tested with the trainer."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from nsm.training.interruption import Interruption


def test_the_first_asks_and_the_second_raises() -> None:
    with Interruption() as interruption:
        assert not interruption.requested
        os.kill(os.getpid(), signal.SIGINT)
        assert interruption.requested
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_second_sigterm_only_asks_again() -> None:
    with Interruption() as interruption:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert interruption.requested


def test_handlers_are_put_back_after_an_error_too() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(ZeroDivisionError), Interruption():
        _ = 1 / 0
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_another_thread_installs_nothing() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def enter() -> None:
        with Interruption():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [before]


def test_a_stop_file_asks_and_is_removed(tmp_path: Path) -> None:
    file = tmp_path / "stop"
    with Interruption(file) as interruption:
        assert not interruption.requested
        file.touch()
        assert interruption.requested
        assert not file.exists()
        assert interruption.requested


def test_a_stop_file_made_before_the_first_look_or_after_the_last(tmp_path: Path) -> None:
    file = tmp_path / "stop"
    file.touch()
    with Interruption(file) as interruption:
        assert interruption.requested
    with Interruption(file) as interruption:
        assert not interruption.requested
        file.touch()
    assert not file.exists()


def test_a_stop_file_works_outside_of_the_main_thread(tmp_path: Path) -> None:
    found: list[bool] = []

    def watch() -> None:
        with Interruption(tmp_path / "stop") as interruption:
            (tmp_path / "stop").touch()
            found.append(interruption.requested)

    thread = threading.Thread(target=watch)
    thread.start()
    thread.join(60)
    assert found == [True]
