"""JupyterLab on a cloud GPU, with the training dashboard open: ``modal run experiments/nsm_training_notebook.py``.

docs/cloud.md says more. ``--gpu`` and these variables are read when the script is, since Modal fixes them then:
NSM_GPU (such as ``H100,A100-80GB``), NSM_TIMEOUT (seconds; four hours at most).
"""

import os
import secrets
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the clone's package, wherever one stands

from nsm.cloud import scripts

scripts.require_modal()
if __name__ == "__main__":
    scripts.run_by_python("experiments/nsm_training_notebook.py")

import modal

from nsm.cloud import modal_platform, orders, sessions
from nsm.dashboard.cloud_session import TOKEN, hold_session

if modal_platform.is_local():
    scripts.require_token(modal_platform.has_token(), sys.argv)
with scripts.mistakes():
    GPUS = orders.choose_gpus(sys.argv, os.environ)
    SECONDS = orders.seconds_of(os.environ, "NSM_TIMEOUT", 4 * 3600)
    if modal_platform.is_local():
        orders.check_idle_minutes(sys.argv)
KNOWN = {name: os.environ[name] for name in ("NSM_TIMEOUT",) if name in os.environ}
token = secrets.token_urlsafe(32) if modal_platform.is_local() else ""

app = modal.App("nsm-notebook")


@app.function(
    **modal_platform.container(GPUS, seconds=SECONDS, retries=0, environment=KNOWN),
    secrets=[modal.Secret.from_dict({TOKEN: token})],  # neither an argument nor a line of a log
)
def hold_notebook(session: str, idle_minutes: float, seconds: int = SECONDS) -> str:
    """Serves the dashboard on the volume; see ``nsm.dashboard.cloud_session``."""
    volume, limits = modal_platform.ModalVolume(), {"seconds": seconds, "idle_seconds": 60 * idle_minutes}
    with modal_platform.telling_failures_apart():
        return hold_session(volume, modal_platform.forward, session=session, **limits)


@app.local_entrypoint()
def main(gpu: str = "", idle_minutes: float = 60.0) -> None:
    """Opens the dashboard in a container and prints its address once it answers; Ctrl-C ends it, and all is saved.

    --gpu A100-40GB,H100   in the order of preference
    --idle-minutes 60      ends after so long without anybody doing anything and without a training
    """
    del gpu  # it was read with the script
    session = orders.new_name()
    with scripts.mistakes():
        call = modal_platform.ModalCall(hold_notebook.spawn(session, idle_minutes, SECONDS))
        sessions.follow(modal_platform.ModalVolume(), session, call, token)
