from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from nsm.cloud.storage import RemoteFile
from nsm.cloud.verification import damage_of, damage_of_data


@pytest.fixture
def came(tmp_path: Path) -> Path:
    path = tmp_path / "history.jsonl"
    path.write_bytes(b"{}\n")
    return path


def test_size_and_content_are_compared(came: Path) -> None:
    assert damage_of(came, RemoteFile("a", 3, 1)) is None
    assert damage_of(came, RemoteFile("a", 4, 1)) == "expected 4 bytes, got 3"
    assert damage_of(came, RemoteFile("a", 3, 1), hashlib.sha256(b"{}\n").hexdigest()) is None
    found = damage_of(came, RemoteFile("a", 3, 1), "0" * 64)
    assert found is not None and found.startswith(f"expected the SHA-256 {'0' * 16}.., got ")


def test_a_checkpoint_has_its_own_checksum_and_a_kept_batch_has_none(came: Path) -> None:
    file = RemoteFile("a", 3, 1)
    assert damage_of(came.rename(came.with_name("last.pt")), file) is not None
    assert damage_of(came.with_name("last.pt").rename(came.with_name("bad_batch.pt")), file) is None


def test_a_data_set_that_is_none(tmp_path: Path) -> None:
    assert damage_of_data(tmp_path) is not None
