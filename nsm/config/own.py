"""The user's own data, and the user's own network."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import AfterValidator, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from nsm.config.base import DomainConfig, FolderPath, conflict
from nsm.config.imported import FORM, ImportPath, is_import_path

__all__ = ["MODELS", "ModelName", "OwnConfig"]

MODELS = ("hierarchy", "flat", "gine", "gps", "sagpool", "boosting", "majority")
"""The models that are part of NSM."""


def _known(name: str) -> str:
    if name not in MODELS and not is_import_path(name):
        told: dict[str, Any] = {"names": ", ".join(map(repr, MODELS)), "form": FORM}
        raise PydanticCustomError("model_name", "{names} or {form}", told)
    return name


ModelName = Annotated[
    str, AfterValidator(_known), WithJsonSchema({"anyOf": [{"enum": list(MODELS)}, {"type": "string"}]})
]
"""One of `MODELS`, or an import path."""


class OwnConfig(DomainConfig):
    """The user's own data.

    Attributes:
        data: Folder that ``nsm data import`` made.
        source: What makes graphs in place of that: ``package.module:Name``, which is imported and called with the
            configuration.
    """

    data: FolderPath | None = None
    source: ImportPath | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if self.data is not None and self.source is not None:
            raise conflict("source", "set own.data or own.source, not both")
        return self
