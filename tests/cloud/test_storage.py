from __future__ import annotations

import io

from nsm.cloud.storage import Call, MountedVolume, Outcome, RemoteFile, Storage
from tests.cloud.memory import FakeCall, FakeVolume, MemoryStorage


def test_a_cloud_in_memory_is_one() -> None:
    storage: Storage = MemoryStorage()
    storage.write("causal/notes.txt", b"three")
    assert storage.files("causal") == [RemoteFile("causal/notes.txt", 5, 1)] and storage.files("caus") == []
    content = io.BytesIO()
    storage.read("causal/notes.txt", content)
    assert content.getvalue() == b"three"


def test_calls_tell_how_they_ended_once_they_have() -> None:
    call: Call = FakeCall([None, Outcome(value=3)])
    assert call.poll(0) is None and call.poll(0) == Outcome(value=3, why=None)


def test_volumes_are_committed_and_reloaded() -> None:
    volume: MountedVolume = FakeVolume()
    volume.commit()
    volume.reload()
    assert volume == FakeVolume(1, 1)
