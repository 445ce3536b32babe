"""The user's side of a notebook in the cloud: waits for its address, prints it with the token, waits for its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nsm.cloud.announcing import await_announcement, read_announcement
from nsm.cloud.storage import Call, Storage
from nsm.errors import RunError

__all__ = ["follow"]

POLL = 5.0  # seconds


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def follow(
    storage: Storage, session: str, call: Call, token: str, *, say: Callable[[str], Any] = _print, poll: float = POLL
) -> None:
    """Prints where a session is reached, once it answers, and again where it has moved; comes back when it has ended.

    The token goes from here to the container as a secret, and to nobody else: the address that comes back is without
    it.

    Raises:
        RunError: If its container fails.
    """
    say("starting a container; the address comes when the notebook answers")
    facts = await_announcement(storage, session, call)
    _show(facts, token, say)
    while (outcome := call.poll(poll)) is None:
        latest = read_announcement(storage, session)
        if latest is not None and latest != facts:  # after a preemption it goes on in another container
            facts = latest
            _show(facts, token, say)
    if outcome.why is not None:
        raise RunError(f"the notebook has failed: {outcome.why}", hint="what was saved is on the volume")
    say(f"the notebook has ended: {outcome.value}. Everything is on the volume: modal volume ls nsm-checkpoints")


def _show(facts: dict[str, Any], token: str, say: Callable[[str], Any]) -> None:
    if facts.get("is_edited"):
        say("the notebook on the volume differs from this release's and is opened as it is")
    say(f"open      {facts['address']}?token={token}")
    say("Ctrl-C ends the session; trainings are saved first.")
