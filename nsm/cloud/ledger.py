"""What was launched, kept as a small file on the volume, so that any machine finds the calls of a launch again."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from nsm.cloud.orders import NAME
from nsm.cloud.storage import Storage
from nsm.errors import RunError

__all__ = ["Launch", "read_launch", "write_launch"]

FOLDER = "launches"


@dataclass(frozen=True)
class Launch:
    """The calls of one launch.

    Attributes:
        name: Of the launch, which is that of its runs.
        calls: The identity of each domain's call.
        began: When, in UTC.
    """

    name: str
    calls: dict[str, str]
    began: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def to_json(self) -> dict[str, Any]:
        """The launch as plain values."""
        return asdict(self)


def write_launch(storage: Storage, launch: Launch) -> None:
    """Keeps a launch; the calls of an earlier one of the same name are replaced, as far as its domains are launched."""
    try:
        before = read_launch(storage, launch.name).calls
    except RunError:
        before = {}
    kept = Launch(launch.name, before | launch.calls, launch.began)
    storage.write(_path(launch.name), (json.dumps(kept.to_json(), indent=2) + "\n").encode())


def read_launch(storage: Storage, name: str) -> Launch:
    """A launch by its name.

    Raises:
        RunError: If there is none, naming those that there are.
    """
    path = _path(name)
    known = sorted(file.path for file in storage.files(FOLDER) if file.path.count("/") == 1)
    if not NAME.fullmatch(name) or path not in known:
        latest = ", ".join(one.removeprefix(f"{FOLDER}/").removesuffix(".json") for one in known[-5:])
        hint = f"the latest: {latest}" if known else "nothing has been launched yet"
        raise RunError(f"no launch is called {name!r}", hint=hint)
    content = io.BytesIO()
    storage.read(path, content)
    try:
        return Launch(**json.loads(content.getvalue()))
    except (ValueError, TypeError) as failure:
        raise RunError("the record of the launch is damaged", file=path, hint="give the call ids") from failure


def _path(name: str) -> str:
    return f"{FOLDER}/{name}.json"
