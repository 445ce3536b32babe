"""How a container tells the user's machine where it is reached: through the volume, without the token."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nsm.cloud.storage import Call, MountedVolume, Storage
from nsm.errors import NSMError, RunError
from nsm.runs import write_json

__all__ = ["announce", "await_announcement", "read_announcement", "withdraw"]

FOLDER = "sessions"


def announce(root: Path, session: str, volume: MountedVolume, **facts: Any) -> None:
    """Tells the facts of a session, such as its address; nothing secret belongs here."""
    file = root / FOLDER / f"{session}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, facts)
    volume.commit()


def withdraw(root: Path, session: str) -> None:
    """Tells it no longer; visible after the next commit."""
    (root / FOLDER / f"{session}.json").unlink(missing_ok=True)


def read_announcement(storage: Storage, session: str) -> dict[str, Any] | None:
    """The facts of a session; None where it has not told them yet, or does not any more."""
    path, content = f"{FOLDER}/{session}.json", io.BytesIO()
    try:
        if not storage.files(path):
            return None
        storage.read(path, content)
        facts: dict[str, Any] = json.loads(content.getvalue())
    except (NSMError, ValueError):  # it is being replaced at this moment
        return None
    return facts


def await_announcement(
    storage: Storage, session: str, call: Call, *, pause: float = 1.0, wait: Callable[[float], object] = time.sleep
) -> dict[str, Any]:
    """Waits until a session tells its facts.

    Raises:
        RunError: If its call ends before that.
    """
    while (facts := read_announcement(storage, session)) is None:
        outcome = call.poll(0)
        if outcome is not None:
            raise RunError(f"the notebook's container has ended: {outcome.why or outcome.value}")
        wait(pause)
    return facts
