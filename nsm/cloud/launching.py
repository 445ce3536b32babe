"""The user's side of a launch: calls out, results in, a table at the end, an exit status that tells the truth."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from nsm.cloud.ledger import Launch, earlier_calls, read_launch, write_launch
from nsm.cloud.orders import Order
from nsm.cloud.storage import Call, Outcome, Storage, UnknownCall
from nsm.cloud.summary import Row, has_failed, show, summarise
from nsm.errors import NSMError, RunError

__all__ = ["FAILED", "Desk", "collect", "launch", "status"]

FAILED = 1
"""The exit status when a domain has failed; 2 is that of a mistake in what was asked for."""

POLL = 2.0  # seconds


@dataclass(frozen=True)
class Desk:
    """What a launch needs.

    Attributes:
        spawn: Starts an order in the cloud and comes back at once.
        find: Finds a call again by its identity.
        storage: The cloud's storage.
        console: Where the user reads.
        again: What the user types to go on with the run.
        command: What the user types to look at a launch.
        is_detached: Whether calls go on without the client.
    """

    spawn: Callable[[Order], Call]
    find: Callable[[str], Call]
    storage: Storage
    console: Console
    again: str
    command: str = "modal run modal_train_production.py"
    is_detached: bool = False

    def say(self, text: str) -> None:
        """One line, as it is."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)


def launch(desk: Desk, orders: Sequence[Order]) -> int:
    """Starts one call for each order, waits for all, shows the table.

    Returns:
        The exit status: 0, or :data:`FAILED` if a domain has failed.

    Raises:
        RunError: If an earlier call still trains one of the runs; nothing has been started then.
        KeyboardInterrupt: On Ctrl-C, after telling how to go on.
    """
    name = orders[0].run
    for order in orders:
        _require_ended(desk, order)
    calls: dict[str, Call] = {}
    try:
        for order in orders:
            calls[order.domain] = desk.spawn(order)
            call_id = calls[order.domain].call_id
            write_launch(desk.storage, Launch(name, {order.domain: call_id}))
            desk.say(f"{order.domain:10} run {name}  on {' or '.join(order.gpus)}  call {call_id}")
        return _await(desk, name, calls)
    except KeyboardInterrupt:
        _tell_how_to_go_on(desk, name, [call.call_id for call in calls.values()])
        raise


def _require_ended(desk: Desk, order: Order) -> None:
    """Makes sure that no earlier call trains an order's run: two at once would spoil it.

    Raises:
        RunError: If one does.
    """
    for call_id in earlier_calls(desk.storage, order.run, order.domain):
        with suppress(UnknownCall):
            if desk.find(call_id).poll(0) is None:
                hint = f"wait for it with {desk.command} --collect {order.run}, or name another run with --run"
                raise RunError(f"{order.domain}: call {call_id} still trains run {order.run}", hint=hint)


def _tell_how_to_go_on(desk: Desk, name: str, call_ids: Sequence[str]) -> None:
    """What a user reads after Ctrl-C."""
    if not desk.is_detached:
        desk.say(f"\nrun {name}: the calls save their state and stop now. To go on:")
        desk.say(f"  {desk.again}")
        return
    desk.say(f"\nrun {name}: the calls go on without this client.")
    desk.say(f"  how they are:      {desk.command} --status {','.join(call_ids)}")
    desk.say(f"  wait for the end:  {desk.command} --collect {name}")
    desk.say("  stop them:         modal app list, then modal app stop with the app's id; what is committed is kept")


def collect(desk: Desk, name: str) -> int:
    """Waits for the calls of an earlier launch, from any machine, and shows the table."""
    kept = read_launch(desk.storage, name)
    return _await(desk, name, {domain: desk.find(call_id) for domain, call_id in kept.calls.items()})


def status(desk: Desk, call_ids: Sequence[str]) -> int:
    """Says of each call whether it runs, has finished or failed; waits for none of them."""
    rows = []
    for call_id in call_ids:
        outcome = desk.find(call_id).poll(0)
        rows.append(_row(call_id, "", outcome) if outcome else Row(call_id, "", "running"))
        desk.say(f"{call_id:28} {rows[-1].domain:10} {rows[-1].state}{f': {rows[-1].why}' if rows[-1].why else ''}")
    finished = [row for row in rows if row.state == "finished"]
    if finished:
        desk.console.print(show(finished, "finished"))
    return FAILED if has_failed(rows) else 0


def _await(desk: Desk, name: str, calls: Mapping[str, Call]) -> int:
    waiting, rows = dict(calls), {}
    while waiting:
        for domain, call in list(waiting.items()):
            try:
                outcome = call.poll(POLL / len(waiting))
            except UnknownCall as failure:
                outcome = Outcome(why=str(failure))
            if outcome is None:
                continue
            del waiting[domain]
            rows[domain] = row = _row(domain, name, outcome)
            desk.say(f"{domain:10} {row.state}{f': {row.why}' if row.why else ''}")
        time.sleep(0.05)
    ordered = [rows[domain] for domain in calls]
    desk.console.print(show(ordered, f"run {name}"))
    if any(row.state == "finished" for row in ordered):
        desk.say(f"fetch it with: nsm fetch {name}")
    return FAILED if has_failed(ordered) else 0


def _row(domain: str, name: str, outcome: Outcome) -> Row:
    if outcome.why is not None:
        return Row(domain, name, "failed", why=outcome.why)
    value: Any = outcome.value
    if not isinstance(value, Mapping) or not {"domain", "run", "state"} <= value.keys():
        raise NSMError(f"{domain}: expected what a training returns, got {type(value).__name__}")
    return summarise(value)
