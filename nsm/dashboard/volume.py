"""The cloud volume that runs are kept on, where there is one."""

from __future__ import annotations

import os
from pathlib import Path

from nsm.errors import NSMError
from nsm.runs.folder import CLOUD_ROOT

__all__ = ["commit_volume"]

CONTAINER = "MODAL_TASK_ID"  # set in every container of Modal, nowhere else


def commit_volume(mount: Path = CLOUD_ROOT) -> str:
    """Makes what was written to the cloud volume last, where one is mounted; says what it did.

    Args:
        mount: Where the volume is mounted.

    Raises:
        NSMError: If this is a container of Modal's without Modal's package.
    """
    if not (os.environ.get(CONTAINER) and mount.is_mount()):
        return "There is no cloud volume here: what is on this machine's disk stays there."
    try:
        from nsm.cloud.modal_platform import VOLUME, ModalVolume
    except ModuleNotFoundError as failure:
        raise NSMError("the volume cannot be committed without modal", hint="pip install modal") from failure
    ModalVolume().commit()
    return f"Committed the volume {VOLUME}, which is mounted at {mount}."
