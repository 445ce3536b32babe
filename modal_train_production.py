"""Trains all domains at once on Modal's GPUs, each in a container of its own: ``modal run modal_train_production.py``.

docs/cloud.md says more. ``--gpu`` and these variables are read when the script is, since Modal fixes them then:
NSM_GPU (such as ``H100,A100-80GB``), NSM_TIMEOUT (seconds of an attempt), NSM_COMMIT_SECONDS.
"""

import atexit
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))  # the package beside this file, wherever one stands

from nsm.cloud import scripts

scripts.require_modal()
if __name__ == "__main__":
    scripts.run_by_python("modal_train_production.py")

import modal
from rich.console import Console

from nsm.cloud import launching, modal_platform, orders
from nsm.cloud.modal_platform import LIMITS

if modal_platform.is_local():
    scripts.require_token(modal_platform.has_token(), sys.argv)
with scripts.mistakes():
    if modal_platform.is_local():
        orders.check_arguments(sys.argv)
    GPUS = orders.choose_gpus(sys.argv, os.environ)
    SECONDS = orders.seconds_of(os.environ, "NSM_TIMEOUT", LIMITS["timeout"])
    COMMIT = orders.seconds_of(os.environ, "NSM_COMMIT_SECONDS", 3600) if "NSM_COMMIT_SECONDS" in os.environ else None
KNOWN = {name: os.environ[name] for name in ("NSM_TIMEOUT", "NSM_COMMIT_SECONDS") if name in os.environ}

app = modal.App("nsm-production")


@app.function(**modal_platform.container(GPUS, seconds=SECONDS, retries=LIMITS["retries"], environment=KNOWN))
def train_domain(
    order: dict[str, Any], seconds: int = SECONDS, commit_seconds: float | None = COMMIT
) -> dict[str, Any]:
    """One attempt at an order, such as ``Order(...).to_json()``; see ``nsm.cloud.training.perform``."""
    from nsm.cloud.training import perform

    how = {"seconds": seconds, "commit_seconds": commit_seconds, "call": modal_platform.current_call()}
    with modal_platform.telling_failures_apart():
        return perform(orders.Order.from_json(order), modal_platform.ModalVolume(), **how)


@app.local_entrypoint()
def main(
    domains: str = "",
    config: str = "",
    epochs: int | None = None,
    set: str = "",  # noqa: A002 - the option is called so everywhere
    seed: int | None = None,
    run: str = "",
    gpu: str = "",
    status: str = "",
    collect: str = "",
) -> None:
    """Trains, or looks at what was launched before.

    --domains causal,planning,kg   what to train, in parallel; all three by default
    --config FILE.toml             settings, as for nsm train; --set 'key=value key=value', --epochs, --seed beat them
    --run NAME                     names the runs; one that is there goes on where it stands
    --gpu A100-40GB,H100           in the order of preference
    --status CALL,CALL             what became of these calls
    --collect NAME                 waits for an earlier launch and shows its table
    """
    del gpu  # it was read with the script
    run = run or orders.new_name()
    desk = launching.Desk(
        spawn=lambda order: modal_platform.ModalCall(train_domain.spawn(order.to_json(), SECONDS, COMMIT)),
        find=modal_platform.call,
        storage=modal_platform.ModalVolume(),
        console=Console(width=None if sys.stdout.isatty() else 200),
        again=scripts.command_again(sys.argv, run=run),
        is_detached=scripts.is_detached(sys.argv),
    )
    try:
        with scripts.mistakes():
            if status:
                code = launching.status(desk, [name for name in status.split(",") if name])
            elif collect:
                code = launching.collect(desk, collect)
            else:
                file = Path(config) if config else None
                how = {"config": file, "overrides": set, "run": run, "gpus": GPUS, "epochs": epochs, "seed": seed}
                code = launching.launch(desk, orders.make_orders(domains, **how))
    except KeyboardInterrupt:
        atexit.register(os._exit, 130)  # Modal itself would end with 0
        raise
    if code:
        sys.exit(code)
