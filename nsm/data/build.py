"""Builds a data set from a source once, and opens it from the cache ever after.

The same source and seed give the same bytes, whatever the number of workers. A folder appears in the cache
when it is whole, never before; two processes that want the same one do not collide.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nsm.data.packed import PackedGraphs
from nsm.data.shards import GraphSource, Progress, StoredPart, make_parts
from nsm.data.splits import Unique, assign_splits, drop_torn, find_unique, renumber
from nsm.data.writing import FORMAT_VERSION, SPLITS, PackedWriter, Totals, split_code
from nsm.errors import DataError
from nsm.runs import locked

__all__ = ["GraphSource", "Progress", "build_dataset", "build_folder", "dataset_folder"]

Array = npt.NDArray[Any]


def dataset_folder(source: GraphSource, cache: Path, seed: int = 0) -> Path:
    """Where in the cache a data set is: its name is a hash of all that determines its content."""
    text = json.dumps(_identity(source, seed), sort_keys=True)
    return Path(cache) / f"{source.schema.domain}-{sha256(text.encode()).hexdigest()[:16]}"


def build_dataset(
    source: GraphSource,
    cache: Path,
    *,
    workers: int = 0,
    progress: Progress | None = None,
    seed: int = 0,
) -> PackedGraphs:
    """Opens a data set from the cache, and builds it first where it is missing or damaged.

    Of samples with equal content only the first stays, and none where their labels differ; where samples have an
    ``info["pair"]``, the other one of the pair goes too. Splits are by group, stratified by ``info["family"]`` where
    samples have it, unless ``info["split"]`` pins them: then of equal samples that of the test split stays.

    Args:
        source: What makes the samples.
        cache: Folder of data sets; made if missing.
        workers: Number of processes that make graphs; 0 = this one.
        progress: Told how far the build is.
        seed: Seed of the splits and of the tie keys.

    Raises:
        NSMError: What the source raises; the cache is left as it was.
        DataError: If nothing can be written, or no sample is left.
    """
    folder = dataset_folder(source, cache, seed)
    finished = _open_whole(folder)
    if finished is not None:
        return finished
    try:
        with locked(folder, None if progress is None else partial(progress, 0, 1, "waiting for another process")):
            return _open_whole(folder) or _build(source, folder, workers, progress, seed)
    except OSError as error:
        hint = "choose a folder that can be written, with enough room"
        raise DataError(f"cannot build a data set: {error}", file=cache, hint=hint) from error


def build_folder(source: GraphSource, folder: Path, *, progress: Progress | None = None, seed: int = 0) -> PackedGraphs:
    """Builds a data set into a folder that the user chose, as `build_dataset` does into the cache.

    Args:
        source: What makes the samples.
        folder: A new folder; one that holds the same data already stays as it is.
        progress: Told how far the build is.
        seed: Seed of the splits and of the tie keys.

    Raises:
        NSMError: What the source raises; nothing is left behind.
        DataError: If there is something else in that place, nothing can be written, or no sample is left.
    """
    there = _open_whole(folder)
    if there is not None and _holds(there, source, seed):
        return there
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        hint = "name another folder, or remove this one"
        raise DataError("expected a new folder, but there is something else already", file=folder, hint=hint)
    try:
        return _build(source, folder, 0, progress, seed)
    except OSError as error:
        hint = "choose a folder that can be written, with enough room"
        raise DataError(f"cannot build a data set: {error}", file=folder, hint=hint) from error


def _holds(graphs: PackedGraphs, source: GraphSource, seed: int) -> bool:
    meta, key = graphs.meta, json.loads(json.dumps(dict(source.key())))
    return (graphs.schema, meta["source"], meta["seed"]) == (source.schema, key, seed)


def _identity(source: GraphSource, seed: int) -> dict[str, Any]:
    shares = list(source.split_shares)
    schema, key = source.schema.to_json(), dict(source.key())
    return {"format": FORMAT_VERSION, "schema": schema, "source": key, "shares": shares, "seed": seed}


def _open_whole(folder: Path) -> PackedGraphs | None:
    if not folder.exists():
        return None
    try:
        return PackedGraphs.open(folder)
    except DataError:
        return None  # damaged: it is built again


def _build(source: GraphSource, folder: Path, workers: int, progress: Progress | None, seed: int) -> PackedGraphs:
    """Builds beside the final place and moves there at the end; whatever happens, nothing half remains."""
    temporary = folder.with_name(f"{folder.name}.building")
    shutil.rmtree(temporary, ignore_errors=True)  # of a build that was killed
    try:
        (temporary / "parts").mkdir(parents=True)
        parts = make_parts(source, temporary / "parts", workers, progress)
        _assemble(source, parts, temporary / "whole", progress, seed)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(temporary / "whole", folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return PackedGraphs.open(folder)


@dataclass(frozen=True)
class _Census:
    """One row per sample of all parts, in the order of the shards.

    Args:
        columns: ``content``, ``label`` and the counts, ``(G,)`` each.
        part: Number of the part, ``(G,)``.
        group: Ids by first appearance, ``(G,)``.
        group_names: Name of each group.
        family: Stratum of each sample, or an empty text.
        split: Pinned split codes, ``(G,)``, or None.
        pair: Ids of pairs of samples that must stay together, ``(G,)``, or None.
    """

    columns: dict[str, Array]
    part: Array
    group: Array
    group_names: list[str]
    family: list[str]
    split: Array | None
    pair: Array | None


def _assemble(
    source: GraphSource, parts: Sequence[StoredPart], folder: Path, progress: Progress | None, seed: int
) -> None:
    census = _count(parts)
    unique = _choose(census)
    kept = np.flatnonzero(unique.keep)
    if not len(kept):
        made = len(census.part)
        what = f"no {source.schema.domain} graphs: {made:,} were made" + ", and each contradicts another" * bool(made)
        raise DataError(what, hint="ask for more graphs, or for larger and more varied ones")
    group, split = _split(census, kept, source.split_shares, seed)
    sums = [int(census.columns[f"num_{name}"][kept].sum()) for name in ("nodes", "edges", "evidence")]
    writer = PackedWriter(folder, source.schema, Totals(len(kept), *sums), seed)
    first_row = np.searchsorted(census.part, np.arange(len(parts)))
    for number, part in enumerate(parts):
        mine = census.part[kept] == number
        writer.append(part.load().take(kept[mine] - first_row[number]), group[mine], split[mine])
        if progress is not None:
            progress(number + 1, len(parts), "writing")
    writer.finish(_record(source, unique, seed))


def _record(source: GraphSource, unique: Unique, seed: int) -> Mapping[str, Any]:
    dropped = {name: getattr(unique, name) for name in ("duplicates", "contradictory", "partners")}
    return {"source": dict(source.key()), "seed": seed, "dropped": dropped}


def _count(parts: Sequence[StoredPart]) -> _Census:
    pieces = [part.columns() for part in parts]
    sizes = [len(piece["label"]) for piece in pieces]
    filled = [part for part, size in zip(parts, sizes, strict=True) if size]
    names = filled[0].column_names() if filled else []
    for part in filled:
        if set(part.column_names()) != set(names):
            raise DataError(f"two shards have different info columns: {names} and {part.column_names()}")
    texts: dict[str, list[str]] = {}
    for column in ("group", "family", "split", "pair"):
        if column in names:
            texts[column] = [str(t) for part in filled for t in part.table([column])[column].to_pylist()]
    ids: dict[str, int] = {}
    group = np.array([ids.setdefault(name, len(ids)) for name in texts.get("group", [])], np.int64)
    pinned = [split_code(name) for name in texts["split"]] if "split" in texts else None
    return _Census(
        columns={name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]} if pieces else {},
        part=np.repeat(np.arange(len(parts)), sizes),
        group=group,
        group_names=list(ids),
        family=texts.get("family", [""] * len(group)),
        split=None if pinned is None else np.array(pinned, np.uint8),
        pair=np.unique(texts["pair"], return_inverse=True)[1] if "pair" in texts else None,
    )


def _choose(census: _Census) -> Unique:
    """Of equal samples the first is kept; where splits are pinned, that of test before val before train."""
    if not len(census.group):
        return Unique(np.zeros(0, bool), 0, 0)
    rank = np.zeros(len(census.group)) if census.split is None else len(SPLITS) - census.split
    unique = find_unique(census.columns["content"], census.columns["label"], rank)
    return unique if census.pair is None else drop_torn(unique, census.pair)


def _split(census: _Census, kept: Array, shares: Sequence[float], seed: int) -> tuple[Array, Array]:
    """Group ids and split codes of the samples that are kept."""
    if census.split is not None:
        group, old = renumber(census.group[kept])
        split = census.split[kept]
        of_group = np.zeros(len(old), np.uint8)
        of_group[group] = split
        torn = np.flatnonzero(of_group[group] != split)
        if len(torn):
            name = census.group_names[old[group[torn[0]]]]
            raise DataError(f"the group {name!r} has samples in two splits", hint="pin whole groups")
        return group, split
    group, old = renumber(census.group[kept])
    first = np.unique(group, return_index=True)[1]
    families = [census.family[kept[row]] for row in first]
    names = [census.group_names[number] for number in old]
    return group, assign_splits(group, names, families, shares, seed)
