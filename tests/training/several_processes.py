"""What each process does that ``torchrun`` starts for `test_processes`: ``LOG KILL_AT config.toml | --resume RUN``."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from nsm import pipeline
from nsm.config import load_config
from nsm.pipeline import domains
from nsm.training import Callback, StepRecord, Trainer
from tests.pipeline.conftest import open_toy


class Log(Callback):
    """Writes each loss to a file, and kills its process after some step."""

    def __init__(self, file: Path, kill_at: int) -> None:
        self.file, self.kill_at = file, kill_at

    def on_step(self, trainer: Trainer, record: StepRecord) -> None:
        with self.file.open("a") as stream:
            told = {"step": trainer.position.step, "loss": record.loss, "graphs": record.graphs}
            stream.write(json.dumps(told) + "\n")
        if trainer.position.step == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def main(file: str, kill_at: str, *arguments: str) -> None:
    domains.TASKS["planning"] = open_toy
    callbacks = [Log(Path(file), int(kill_at))]
    if arguments[0] == "--resume":
        pipeline.resume(arguments[1], callbacks=callbacks, quiet=True)
    else:
        pipeline.train(load_config(Path(arguments[0])), callbacks=callbacks, quiet=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
