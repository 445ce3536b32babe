"""The hierarchy and its baselines, behind one interface: ``output = model(batch)``."""

from nsm.models.build import build_model
from nsm.models.flat import FlatRelational
from nsm.models.hierarchy import Ascent, Hierarchy
from nsm.models.losses import Losses, compute_loss, reconstruction_error
from nsm.models.output import LevelErrors, Output

__all__ = [
    "Ascent",
    "FlatRelational",
    "Hierarchy",
    "LevelErrors",
    "Losses",
    "Output",
    "build_model",
    "compute_loss",
    "reconstruction_error",
]
