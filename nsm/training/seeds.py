"""Random states: set once at the start of a run, saved with every checkpoint."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from torch import nn

__all__ = ["random_states", "restore_random_states", "seed_everything", "set_step"]


def seed_everything(seed: int) -> None:
    """Seeds Python's, NumPy's and torch's global generators, those of all GPUs included."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - a user's callback may draw from the global generator
    torch.manual_seed(seed)


def set_step(model: nn.Module, step: int, part: int) -> None:
    """Tells a model whose dropout masks depend on it which optimisation step this is, and which part of it."""
    tell = getattr(model, "set_step", None)
    if tell is not None:
        tell(step, part)


def random_states() -> dict[str, Any]:
    """The state of every global generator, as plain values and tensors."""
    version, words, gauss = random.getstate()
    legacy = np.random.get_state()  # noqa: NPY002
    assert isinstance(legacy, tuple)
    kind, key, *rest = legacy
    return {
        "python": (version, torch.tensor(words), gauss),
        "numpy": (kind, torch.from_numpy(np.array(key, dtype=np.int64)), *rest),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def restore_random_states(states: dict[str, Any]) -> None:
    """Puts every global generator back; GPUs that are not there any more are left out."""
    version, words, gauss = states["python"]
    random.setstate((version, tuple(words.tolist()), gauss))
    kind, key, *rest = states["numpy"]
    np.random.set_state((kind, key.numpy().astype(np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(states["torch"])
    for device, state in zip(range(torch.cuda.device_count()), states["cuda"], strict=False):
        torch.cuda.set_rng_state(state, device)
