"""Data sets on a container's own disk, with a copy on the volume: what is mapped there keeps no file of it open."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from pathlib import Path
from types import TracebackType

from nsm.config import Config
from nsm.data.build import dataset_folder
from nsm.pipeline.domains import open_task

__all__ = ["DatasetCache", "copy_whole", "dataset_name"]

VARIABLE = "NSM_CACHE"


def dataset_name(config: Config) -> str | None:
    """The name of the data set that a configuration gives; None for the user's own data, which are not made.

    Raises:
        DataError: If the user's files are malformed.
    """
    source = open_task(config).source
    return None if source is None else dataset_folder(source, Path(), config.seed).name


def copy_whole(source: Path, target: Path) -> None:
    """Copies a file or a folder so that it appears as a whole or not at all; what is there stays."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        if source.is_dir():
            shutil.copytree(source, temporary)
        else:
            shutil.copyfile(source, temporary)
        if not target.exists():
            temporary.rename(target)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


class DatasetCache:
    """While it is open, data sets are made and read on this container's disk.

    Args:
        root: The root of all runs, on the volume; data sets are kept in ``data`` below it.
        name: The data set that is needed. It is brought from there, and at the end, whatever the end is, kept there.
    """

    def __init__(self, root: Path, name: str | None) -> None:
        self._kept, self._name = root / "data", name
        self._before = os.environ.get(VARIABLE)
        self._here = Path()

    def __enter__(self) -> DatasetCache:
        self._here = Path(tempfile.mkdtemp(prefix="nsm-data-"))
        os.environ[VARIABLE] = str(self._here)
        self.bring(self._name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = self._before
        self.keep()
        shutil.rmtree(self._here, ignore_errors=True)

    def bring(self, name: str | None) -> None:
        """Copies a data set, and what its audit found, from the volume, where they are there."""
        self._copy(name, self._kept, self._here)

    def keep(self) -> None:
        """Copies the data set, and what its audit found, to the volume, where they are made and not there yet."""
        self._copy(self._name, self._here, self._kept)

    @staticmethod
    def _copy(name: str | None, source: Path, target: Path) -> None:
        for path in (source / str(name), source / f"{name}.audit.json"):
            if name is not None and path.exists():
                copy_whole(path, target / path.name)
