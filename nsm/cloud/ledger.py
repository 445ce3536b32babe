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

__all__ = ["Launch", "earlier_calls", "read_launch", "write_launch"]

FOLDER = "launches"


@dataclass(frozen=True)
class Launch:
    """The calls of one launch.

    Attributes:
        name: Of the launch, which is that of its runs.
        calls: The identity of each domain's call.
        began: When, in UTC.
        earlier: The calls of each domain before those, the oldest first.
    """

    name: str
    calls: dict[str, str]
    began: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    earlier: dict[str, list[str]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The launch as plain values."""
        return asdict(self)


def write_launch(storage: Storage, launch: Launch) -> None:
    """Keeps a launch; where one of the same name is there, its calls are kept as earlier ones of their domains.

    Raises:
        RunError: If the record of that one is damaged.
    """
    before, earlier = _read(storage, launch.name), {}
    kept = launch.calls
    if before is not None:
        kept = before.calls | kept
        for domain, calls in _all_calls(before).items():
            earlier[domain] = [call for call in calls if call != kept[domain]]
    made = Launch(launch.name, kept, launch.began, {domain: calls for domain, calls in earlier.items() if calls})
    storage.write(_path(launch.name), (json.dumps(made.to_json(), indent=2) + "\n").encode())


def earlier_calls(storage: Storage, name: str, domain: str) -> list[str]:
    """All calls that have ever been made for a domain's run of that name, the latest first; none where none was.

    Raises:
        RunError: If the record of the launch is damaged.
    """
    launch = _read(storage, name)
    return [] if launch is None else _all_calls(launch).get(domain, [])[::-1]


def _all_calls(launch: Launch) -> dict[str, list[str]]:
    return {domain: [*launch.earlier.get(domain, []), call] for domain, call in launch.calls.items()}


def read_launch(storage: Storage, name: str) -> Launch:
    """A launch by its name.

    Raises:
        RunError: If there is none, naming those that there are.
    """
    launch = _read(storage, name) if NAME.fullmatch(name) else None
    if launch is None:
        known = sorted(file.path for file in storage.files(FOLDER) if file.path.count("/") == 1)
        latest = ", ".join(one.removeprefix(f"{FOLDER}/").removesuffix(".json") for one in known[-5:])
        hint = f"the latest: {latest}" if known else "nothing has been launched yet"
        raise RunError(f"no launch is called {name!r}", hint=hint)
    return launch


def _read(storage: Storage, name: str) -> Launch | None:
    path, content = _path(name), io.BytesIO()
    if not storage.files(path):
        return None
    storage.read(path, content)
    try:
        return Launch(**json.loads(content.getvalue()))
    except (ValueError, TypeError) as failure:
        raise RunError("the record of the launch is damaged", file=path, hint="name another run") from failure


def _path(name: str) -> str:
    return f"{FOLDER}/{name}.json"
