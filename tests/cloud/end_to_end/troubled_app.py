"""The production launcher's function with trouble inside, as a script of its own: one kind for each attempt.

In epoch 3 of the first attempt the time is up, in epoch 5 of the second something raises, in epoch 13 of the third
everything hangs until the container is killed. The fourth is left alone.
"""

import os
import sys
import time
from pathlib import Path

import modal

from nsm.cloud import modal_platform, orders
from nsm.cloud.attempts import read_attempts
from nsm.cloud.keeper import Keeper
from nsm.training import Callback, Trainer
from nsm.training.records import EpochRecord

SECONDS = int(os.environ.get("NSM_TIMEOUT", "30"))
app = modal.App("troubled")


class Trouble(Callback):
    """Makes trouble in the first three attempts."""

    def __init__(self, number: int, seconds: float) -> None:
        self._number, self._seconds = number, seconds

    def on_epoch(self, trainer: Trainer, record: EpochRecord) -> None:
        if (self._number, record.epoch) == (1, 3):
            for keeper in trainer.callbacks:
                if isinstance(keeper, Keeper):
                    keeper.deadline = 0.0
        if (self._number, record.epoch) == (2, 5):
            raise RuntimeError("trouble in the second attempt")
        if (self._number, record.epoch) == (3, 13):
            time.sleep(2 * self._seconds)


@app.function(**modal_platform.container(orders.GPUS, seconds=SECONDS, retries=4))
def train_with_trouble(order: dict, seconds: int) -> dict:
    from nsm.cloud.training import perform

    asked = orders.Order.from_json(order)
    number = len(read_attempts(Path("/checkpoints/launches") / asked.run / f"{asked.domain}.json")) + 1
    trouble = Trouble(number, seconds)
    volume = modal_platform.ModalVolume()
    return perform(asked, volume, seconds=seconds, callbacks=[trouble], commit_seconds=0.0)


@app.local_entrypoint()
def main(config: str, run: str, overrides: str) -> None:
    (order,) = orders.make_orders("causal", config=Path(config), overrides=overrides, run=run)
    told = train_with_trouble.remote(order.to_json(), SECONDS)
    print(told["state"], [one["ended"] for one in told["attempts"]])  # noqa: T201
    sys.exit(told["state"] != "finished")
