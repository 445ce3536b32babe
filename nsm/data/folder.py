"""Reads a folder of packed graphs: checks that it is whole, maps its arrays, decodes its tables."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nsm.data.features import node_features
from nsm.data.packing import EDGE_ARRAYS, EVIDENCE_ARRAYS, NODE_ARRAYS, gather_ranges
from nsm.data.triples import Schema
from nsm.data.writing import FORMAT_VERSION, ROWS_PER_GROUP, file_hash
from nsm.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TIE_BITS", "PackedFolder"]

TIE_BITS = 31  # a tie key is below 2^31
GRAPH_ARRAYS = ("node_ptr", "edge_ptr", "label", "group", "split", "evidence/ptr")

Array = npt.NDArray[Any]


class NodeRows(NamedTuple):
    """All nodes.

    Shapes:
        - **packed**: ``(N,)`` int64, number of the node's features above the `TIE_BITS` of its tie key;
          **features**: ``(F, C)``, each row another; **kinds**: ``(3, F)`` node type, role and order that are in them.
    """

    packed: Array
    features: Tensor
    kinds: Tensor


class EdgeRows(NamedTuple):
    """All edges, each as one number, which is copied at once: most graphs are small.

    Shapes:
        - **packed**: ``(E,)`` int64, relation above ``bits`` of the tail above ``bits`` of the head.
    """

    packed: Array
    bits: int


class PackedFolder:
    """A folder written by `nsm.data.writing`, opened for reading; arrays are mapped when first used.

    Args:
        path: The folder.

    Raises:
        DataError: If it is not there, or its ``meta.json`` is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.meta = _read_meta(path)
        try:
            self.schema = Schema.from_json(self.meta["schema"])
            self.num_graphs: int = self.meta["counts"]["graphs"]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _damaged(path / "meta.json", f"an entry is missing or wrong: {error}") from error
        self._decoded: dict[str, tuple[int, list[list[str] | str]]] = {}

    def verify(self) -> None:
        """Compares the content of every file with its recorded hash; reads all of them once.

        Raises:
            DataError: Naming the file that is missing or has other content.
        """
        for name, expected in self.meta["files"].items():
            file = self.path / name
            try:
                found = file_hash(file)
            except OSError as error:
                raise _damaged(file, f"cannot be read: {error.strerror}") from error
            if found != expected:
                raise _damaged(file, f"expected the SHA-256 {expected[:16]}.., got {found[:16]}..")

    @cached_property
    def arrays(self) -> dict[str, Array]:
        """Every array by name, read-only and mapped from the disk."""
        names = (*NODE_ARRAYS, *EDGE_ARRAYS, *EVIDENCE_ARRAYS, *GRAPH_ARRAYS, "tie_key")
        return {name: _map(self.path / f"{name}.npy") for name in names}

    @cached_property
    def node_rows(self) -> NodeRows:
        """What batches need of every node, in memory: each row in one piece."""
        kind, role, order = (self.arrays[name].astype(np.int64) for name in ("node_type", "role", "order"))
        roles, orders = max(len(self.schema.roles), 1), int(order.max(initial=-1)) + 2
        different, code = np.unique((kind * roles + role) * orders + order + 1, return_inverse=True)
        kind_and_role, order = np.divmod(different, orders)
        kinds = torch.from_numpy(np.stack((*np.divmod(kind_and_role, roles), order - 1)))
        value = torch.zeros(len(different), len(self.schema.values))
        features = node_features(self.schema, kinds[0], kinds[1], kinds[2], value)
        packed = code.reshape(-1).astype(np.int64) << TIE_BITS
        ties = self.arrays["tie_key"]
        assert ties.max(initial=0) >> TIE_BITS == 0, "a tie key would change the features"
        packed |= ties
        return NodeRows(packed, features, kinds)

    @cached_property
    def edge_rows(self) -> EdgeRows:
        """What batches need of every edge, in memory; there are as many bits for nodes as the relations leave."""
        head, tail, relation = (self.arrays[name] for name in ("head", "tail", "relation"))
        bits = (63 - int(relation.max(initial=0)).bit_length()) // 2
        packed = relation.astype(np.int64)
        for column in (tail, head):
            packed <<= bits
            packed |= column
        return EdgeRows(packed, bits)

    @cached_property
    def is_certain(self) -> bool:
        """Whether every edge has the confidence 1."""
        return bool((self.arrays["confidence"] == 1).all())

    def edge_level(self, graphs: Array) -> Array:
        """The levels of the edges of some graphs, one after the other."""
        ptr = self.arrays["edge_ptr"]
        starts = ptr[graphs]
        found: Array = self.arrays["level"].take(gather_ranges(starts, ptr[graphs + 1] - starts), axis=0)
        return found

    def table(self, name: str) -> pa.Table:
        """A whole Parquet file: ``table``, ``names`` or ``sources``."""
        import pyarrow.parquet as pq

        return pq.read_table(self.path / f"{name}.parquet")

    def row(self, name: str, number: int) -> list[str] | str:
        """One row of ``names`` or ``sources``; decodes a row group and keeps it for the next call."""
        import pyarrow.parquet as pq

        row_group = number // ROWS_PER_GROUP
        if self._decoded.get(name, (-1, []))[0] != row_group:
            with pq.ParquetFile(self.path / f"{name}.parquet") as opened:
                self._decoded[name] = (row_group, opened.read_row_group(row_group).column(0).to_pylist())
        return self._decoded[name][1][number % ROWS_PER_GROUP]


def _map(path: Path) -> Array:
    try:
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error


def _read_meta(folder: Path) -> dict[str, Any]:
    """Reads ``meta.json``."""
    path = folder / "meta.json"
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _damaged(path, f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise _damaged(path, f"is not JSON: {error}") from error
    if not isinstance(meta, dict) or meta.get("format") != FORMAT_VERSION:
        raise _damaged(path, f"expected the format version {FORMAT_VERSION}")
    if not isinstance(meta.get("files"), dict):
        raise _damaged(path, "has no list of files")
    return meta


def _damaged(file: Path, what: str) -> DataError:
    remedy = f"delete the folder {file.parent}; it is built again, your own tables by nsm data import"
    return DataError(what, file=file, hint=f"the data set is damaged or of another version; {remedy}")
