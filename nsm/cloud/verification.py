"""What may be wrong with a file or a data set that has come."""

from __future__ import annotations

from pathlib import Path

from nsm.cloud.storage import RemoteFile
from nsm.data.writing import file_hash
from nsm.errors import DataError

__all__ = ["damage_of", "damage_of_data"]


def damage_of(path: Path, file: RemoteFile, checksum: str | None = None) -> str | None:
    """What is wrong with a file that has come: its size, its content, or a checkpoint's own checksum.

    Args:
        path: Where it lies now.
        file: What was asked for.
        checksum: Its SHA-256, where that is known.
    """
    size = path.stat().st_size
    if size != file.size:
        return f"expected {file.size} bytes, got {size}"
    if checksum is not None and (found := file_hash(path)) != checksum:
        return f"expected the SHA-256 {checksum[:16]}.., got {found[:16]}.."
    if path.suffix != ".pt" or path.name.startswith("bad_batch"):
        return None
    from nsm.training.inspection import damage

    return damage(path)


def damage_of_data(folder: Path) -> str | None:
    """What is wrong with a data set, each of whose files is compared with its hash; None for a whole one."""
    from nsm.data.packed import PackedGraphs

    try:
        PackedGraphs.open(folder)
    except DataError as failure:
        return failure.message
    return None
