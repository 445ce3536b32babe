"""Nations, UMLS and Kinships, as text files inside the installed distribution of PyKEEN, which is not imported."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from nsm.data.kg.graph import FACT_SPLITS
from nsm.errors import DataError

__all__ = ["BUNDLED", "bundled_files"]

BUNDLED = ("nations", "umls", "kinships")
HINT = "pip install 'nsm[kg]', or give a folder of your own with --graph"


def bundled_files(name: str) -> dict[str, Path]:
    """The files of a data set that PyKEEN's wheel ships.

    Raises:
        DataError: If the distribution is not installed or lacks the files.
    """
    try:
        listed = metadata.files("pykeen") or []
    except metadata.PackageNotFoundError as error:
        raise DataError(f"the data set {name!r} comes with pykeen, which is not installed", hint=HINT) from error
    wanted = {f"pykeen/datasets/{name}/{split}.txt": split for split in FACT_SPLITS}
    found = {wanted[file.as_posix()]: Path(str(file.locate())) for file in listed if file.as_posix() in wanted}
    missing = [split for split in FACT_SPLITS if split not in found or not found[split].is_file()]
    if missing:
        raise DataError(f"the installed pykeen has no files of {name!r} for {', '.join(missing)}", hint=HINT)
    return {split: found[split] for split in FACT_SPLITS}
