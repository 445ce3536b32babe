"""What the tests of whole applications share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cloud.conftest import Cloud

collect_ignore_glob = ["*_app.py"]  # sent to containers; they cannot be imported without modal


@pytest.fixture(scope="module")
def things(cloud: Cloud) -> Path:
    """The committed contents of the small application's volume."""
    cloud.modal("volume", "create", "things")
    return cloud.volume("things")
