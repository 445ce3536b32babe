"""What every test may use."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest

pytest_plugins = ("tests.skips",)

# No test measures time, not even by hypothesis' deadline: the machine may be busy.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Small graphs like one thread, and parallel test processes would fight for more."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
