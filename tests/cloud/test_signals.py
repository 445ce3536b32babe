from __future__ import annotations

import os
import signal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from nsm.cloud.signals import Signals
from nsm.training.interruption import Interruption


@pytest.mark.parametrize("number", Signals.NUMBERS, ids=lambda number: number.name)
def test_a_training_is_told_to_stop(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    trainer: Any = SimpleNamespace(stop_requested=False)
    with Signals() as signals:
        with Interruption() as interruption:  # as a trainer opens it
            signals.watch(trainer)
            os.kill(os.getpid(), number)
            assert trainer.stop_requested and signals.heard == number
            assert not interruption.requested  # this one has taken its place
        signals.watch(None)
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", Signals.NUMBERS, ids=lambda number: number.name)
def test_whatever_else_is_under_way_ends_at_once(number: signal.Signals) -> None:
    with Signals() as signals:
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        assert signals.heard == number


def test_a_second_interrupt_ends_a_training_too() -> None:
    trainer: Any = SimpleNamespace(stop_requested=False)
    with Signals() as signals:
        signals.watch(cast(Any, trainer))
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
