"""What the tables of the configuration have in common."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

__all__ = ["DomainConfig", "FolderPath", "Settings", "Share", "conflict"]

FolderPath = Annotated[Path, Field(strict=False), AfterValidator(lambda path: Path(os.path.expanduser(path)))]
Share = Annotated[float, Field(ge=0, le=1)]


def conflict(key: str, message: str) -> PydanticCustomError:
    """An error of two values that do not go together, told at the place of ``key``."""
    return PydanticCustomError("conflict", "{message}", {"key": key, "message": message})


class Settings(BaseModel):
    """A table of the configuration: unknown keys are refused, types kept, nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class DomainConfig(Settings):
    """What every domain's table has.

    Attributes:
        allow_leaks: Whether to train on data whose audit fails.
    """

    allow_leaks: bool = False
