"""Training: the loop, its checkpoints, its interruption, its views."""

from nsm.training.callbacks import Callback
from nsm.training.records import EpochRecord, StepRecord, TrainResult
from nsm.training.trainer import Trainer

__all__ = ["Callback", "EpochRecord", "StepRecord", "TrainResult", "Trainer"]
