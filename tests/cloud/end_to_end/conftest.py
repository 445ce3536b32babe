"""The volume of the small application."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cloud.conftest import Cloud


@pytest.fixture(scope="module")
def things(cloud: Cloud) -> Path:
    cloud.modal("volume", "create", "things")
    return cloud.volume("things")
