"""Writes packed samples as a folder, shard by shard: only one shard is ever in memory.

The folder holds ``meta.json``, a ``.npy`` file per array and three Parquet files; `nsm.data.folder` reads it.
Nothing in it depends on the time, the machine or the number of workers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest, sha256
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from nsm.data.hashing import mix64
from nsm.data.packing import EDGE_ARRAYS, EVIDENCE_ARRAYS, NODE_ARRAYS, PackedPart, offsets, pack_samples
from nsm.data.triples import Sample, Schema
from nsm.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FORMAT_VERSION", "ROWS_PER_GROUP", "SPLITS", "PackedWriter", "Totals", "file_hash", "write_packed"]

FORMAT_VERSION = 2
SPLITS = ("train", "val", "test")
ROWS_PER_GROUP = 256  # rows that are decoded to read the names of one graph

Array = npt.NDArray[Any]


class _ArrayFile:
    """A ``.npy`` file that is written piece by piece and hashed on the way."""

    def __init__(self, path: Path, dtype: str, shape: tuple[int, ...]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = path.open("wb")
        self._dtype, self._rows = dtype, shape[0]
        header = {"descr": dtype, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)
        self._digest = sha256()

    def append(self, rows: Array) -> None:
        content = np.ascontiguousarray(rows, self._dtype).tobytes()
        self._rows -= len(rows)
        self._digest.update(content)
        self._file.write(content)

    def close(self) -> bytes:
        assert self._rows == 0, "the announced number of rows was not written"
        self._file.close()
        return self._digest.digest()


class _ParquetFile:
    """A Parquet file of one column, written in row groups of a fixed size, whatever size the pieces have."""

    def __init__(self, path: Path, column: str, kind: pa.DataType) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._pending = pa.table({column: pa.array([], kind)})
        self._writer = pq.ParquetWriter(path, self._pending.schema, compression="zstd", version="2.6")

    def append(self, table: pa.Table, last: bool = False) -> None:
        import pyarrow as pa

        pending = pa.concat_tables([self._pending, table.select(self._pending.column_names)]).combine_chunks()
        ready = len(pending) if last else len(pending) // ROWS_PER_GROUP * ROWS_PER_GROUP
        if ready:
            self._writer.write_table(pending.slice(0, ready), row_group_size=ROWS_PER_GROUP)
        self._pending = pending.slice(ready)

    def close(self) -> None:
        self.append(self._pending.slice(0, 0), last=True)
        self._writer.close()


@dataclass(frozen=True)
class Totals:
    """How much a folder will hold; known before writing, so that arrays can be written piece by piece."""

    graphs: int
    nodes: int
    edges: int
    evidence: int


class PackedWriter:
    """Writes a folder of packed graphs part by part.

    Args:
        folder: New folder to write into.
        schema: Vocabularies of the samples.
        totals: Sums over all parts that will be appended.
        seed: Seed of the tie keys.
    """

    def __init__(self, folder: Path, schema: Schema, totals: Totals, seed: int) -> None:
        import pyarrow as pa

        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._schema, self._totals = folder, schema, totals
        self._seed = np.uint64(seed % 2**64)
        rows = dict.fromkeys(NODE_ARRAYS, totals.nodes) | dict.fromkeys(EDGE_ARRAYS, totals.edges)
        rows |= dict.fromkeys(EVIDENCE_ARRAYS, totals.evidence)
        wide = {"value": (totals.nodes, len(schema.values))}
        types = NODE_ARRAYS | EDGE_ARRAYS | EVIDENCE_ARRAYS
        self._files = {
            name: _ArrayFile(folder / f"{name}.npy", types[name], wide.get(name, (count,)))
            for name, count in rows.items()
        }
        self._files["tie_key"] = _ArrayFile(folder / "tie_key.npy", "<i8", (totals.nodes,))
        self._names = _ParquetFile(folder / "names.parquet", "names", pa.list_(pa.string()))
        self._sources = _ParquetFile(folder / "sources.parquet", "source", pa.string())
        self._per_graph: dict[str, list[Array]] = {}
        self._tables: list[pa.Table] = []
        self._nodes_written = 0

    def append(self, part: PackedPart, group: Array, split: Array) -> None:
        """Appends a part, with the group and the split code of each of its graphs, ``(len(part),)``."""
        for name in (*NODE_ARRAYS, *EDGE_ARRAYS, *EVIDENCE_ARRAYS):
            self._files[name].append(part.arrays[name])
        self._files["tie_key"].append(self._tie_keys(len(part.arrays["node_type"])))
        columns = {name: part.arrays[name] for name in ("label", "num_nodes", "num_edges", "num_evidence")}
        for name, column in (columns | {"group": group, "split": split}).items():
            self._per_graph.setdefault(name, []).append(column)
        self._names.append(part.table)
        self._sources.append(part.table)
        self._tables.append(part.table.drop_columns(["names", "source"]))

    def finish(self, meta: Mapping[str, Any]) -> None:
        """Writes what is per graph, and ``meta.json`` last; flushes everything to the disk."""
        import pyarrow.parquet as pq

        columns = {name: np.concatenate(pieces) for name, pieces in self._per_graph.items()}
        self._write_array("label", columns["label"], "<i2")
        self._write_array("group", columns["group"], "<i4")
        self._write_array("split", columns["split"], "<u1")
        counts = {"node_ptr": "num_nodes", "edge_ptr": "num_edges", "evidence/ptr": "num_evidence"}
        for name, count in counts.items():
            self._write_array(name, offsets(columns[count]), "<i8")
        digests = {name: file.close() for name, file in sorted(self._files.items())}
        self._names.close()
        self._sources.close()
        pq.write_table(_concatenate(self._tables), self._folder / "table.parquet", compression="zstd")
        sizes = np.bincount(columns["split"], minlength=len(SPLITS)).tolist()
        content = {
            "format": FORMAT_VERSION,
            "schema": self._schema.to_json(),
            "counts": vars(self._totals),
            "splits": dict(zip(SPLITS, sizes, strict=True)),
            **meta,
            "fingerprint": self._fingerprint(digests),
            "files": {f.relative_to(self._folder).as_posix(): file_hash(f) for f in self._all_files()},
        }
        text = json.dumps(content, indent=1, sort_keys=True) + "\n"
        (self._folder / "meta.json").write_text(text, encoding="utf-8")
        _flush(self._folder)

    def _tie_keys(self, count: int) -> Array:
        """Random numbers in [0, 2^31), a pure function of the seed and the node's place in the folder."""
        place = np.arange(self._nodes_written, self._nodes_written + count, dtype=np.uint64)
        self._nodes_written += count
        return mix64(mix64(place) ^ self._seed) >> np.uint64(33)

    def _write_array(self, name: str, array: Array, dtype: str) -> None:
        self._files[name] = _ArrayFile(self._folder / f"{name}.npy", dtype, array.shape)
        self._files[name].append(array)

    def _fingerprint(self, digests: Mapping[str, bytes]) -> str:
        whole = sha256(json.dumps(self._schema.to_json(), sort_keys=True).encode())
        for name, digest in digests.items():
            whole.update(name.encode() + digest)
        return whole.hexdigest()

    def _all_files(self) -> list[Path]:
        return sorted(path for path in self._folder.rglob("*") if path.is_file())


def write_packed(folder: Path, schema: Schema, samples: Iterable[Sample], *, seed: int = 0, chunk: int = 1024) -> None:
    """Writes samples as they are: no duplicates removed, splits from ``info["split"]``, else all in train.

    Use `nsm.data.build.build_dataset` for a data set to train on.

    Args:
        folder: New folder.
        schema: Vocabularies of the samples.
        samples: At least one sample.
        seed: Seed of the tie keys.
        chunk: Number of samples packed at a time.

    Raises:
        DataError: If there are no samples, or one does not fit the schema.
    """
    remaining = iter(samples)
    parts = [pack_samples(schema, piece) for piece in iter(lambda: list(islice(remaining, chunk)), [])]
    if not parts:
        raise DataError("no samples to write")
    sums = [sum(int(p.arrays[f"num_{name}"].sum()) for p in parts) for name in ("nodes", "edges", "evidence")]
    writer = PackedWriter(folder, schema, Totals(sum(map(len, parts)), *sums), seed)
    ids: dict[str, int] = {}
    for part in parts:
        groups = [ids.setdefault(name, len(ids)) for name in part.table["group"].to_pylist()]
        pinned = part.table.column_names.count("split") > 0
        names = part.table["split"].to_pylist() if pinned else ["train"] * len(part)
        writer.append(part, np.array(groups), np.array([split_code(name) for name in names], np.uint8))
    writer.finish({"seed": seed})


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as opened:
        return file_digest(opened, "sha256").hexdigest()


def split_code(name: str) -> int:
    """0, 1, 2 for train, val, test.

    Raises:
        DataError: If it is another name.
    """
    if name not in SPLITS:
        raise DataError(f"expected the split 'train', 'val' or 'test', got {name!r}")
    return SPLITS.index(name)


def _concatenate(tables: Sequence[pa.Table]) -> pa.Table:
    import pyarrow as pa

    try:
        return pa.concat_tables(tables, promote_options="permissive").combine_chunks()
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(f"the info columns of two shards have different types: {error}") from error


def _flush(folder: Path) -> None:
    """Waits until the disk holds every file and folder."""
    for path in sorted([folder, *folder.rglob("*")]):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
