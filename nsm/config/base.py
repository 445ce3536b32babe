"""What the tables of the configuration have in common."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

__all__ = ["DomainConfig", "FolderPath", "Settings", "Share", "conflict", "given_value"]

FolderPath = Annotated[Path, Field(strict=False), AfterValidator(lambda path: Path(os.path.expanduser(path)))]
Share = Annotated[float, Field(ge=0, le=1)]


def conflict(key: str, message: str) -> PydanticCustomError:
    """An error of two values that do not go together, told at the place of ``key``."""
    return PydanticCustomError("conflict", "{message}", {"key": key, "message": message})


def given_value(given: Mapping[str, Any], table: str, key: str) -> Any:
    """What a table of a configuration says of a key before it is checked; None where it says nothing.

    Args:
        given: The configuration as it was given, whose tables are mappings or read already.
        table: Name of the table.
        key: The key in it.
    """
    found = given.get(table)
    return found.get(key) if isinstance(found, Mapping) else getattr(found, key, None)


class Settings(BaseModel):
    """A table of the configuration: unknown keys are refused, types kept, nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class DomainConfig(Settings):
    """What every domain's table has.

    Attributes:
        allow_leaks: Whether to train on data whose audit fails.
    """

    allow_leaks: bool = False
