"""Volumes: what is committed is what others see."""

from __future__ import annotations

import asyncio
import os
import shutil
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

from google.protobuf.empty_pb2 import Empty
from grpclib import GRPCError, Status
from modal_proto import api_pb2 as pb

from tests.cloud.fake_modal import isolation
from tests.cloud.fake_modal.records import Container, Signature, Volume, WorkingCopy
from tests.cloud.fake_modal.serving import answers
from tests.cloud.fake_modal.world import World

BLOCK = 8 * 1024 * 1024  # bytes; the client asks for files in blocks of this size
BUSY = "there are open files preventing the operation"


def snapshot(folder: Path) -> dict[str, Signature]:
    """Every file, link and folder below ``folder``, with what changes when it is written to."""
    found: dict[str, Signature] = {}
    for path in folder.rglob("*"):
        try:
            told = path.lstat()
        except FileNotFoundError:
            continue  # renamed meanwhile
        is_folder = path.is_dir() and not path.is_symlink()
        found[str(path.relative_to(folder))] = (
            (told.st_mode,) if is_folder else (told.st_mode, told.st_mtime_ns, told.st_size, told.st_ino)
        )
    return found


def replace(source: Path, target: Path, spare: Path) -> None:
    """Copies a file, link or folder so that no reader sees half of it."""
    if source.is_dir() and not source.is_symlink():
        if target.exists() and not target.is_dir():
            target.unlink()
        target.mkdir(parents=True, exist_ok=True)
        return
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    spare.mkdir(parents=True, exist_ok=True)
    made = spare / uuid.uuid4().hex
    shutil.copy2(source, made, follow_symlinks=False)
    os.replace(made, target)


def remove(path: Path) -> None:
    """Removes a file, or a folder with nothing in it."""
    if path.is_dir() and not path.is_symlink():
        if not any(path.iterdir()):
            path.rmdir()
    else:
        path.unlink(missing_ok=True)


def share(copy: WorkingCopy, spare: Path) -> tuple[list[str], list[str]]:
    """Brings what a container changed since it last shared into the volume: changed and removed paths."""
    now = snapshot(copy.folder)
    changed, removed = [], sorted(set(copy.base) - set(now), reverse=True)
    for name in sorted(name for name, signature in now.items() if copy.base.get(name) != signature):
        try:
            replace(copy.folder / name, copy.volume.folder / name, spare)
        except FileNotFoundError:
            del now[name]
            continue
        changed.append(name)
    for name in removed:
        remove(copy.volume.folder / name)
    copy.base = now
    return changed, removed


def refresh(copy: WorkingCopy, spare: Path) -> None:
    """Brings the working copy to what is committed."""
    committed, seen = snapshot(copy.volume.folder), snapshot(copy.folder)
    for name in sorted(set(seen) - set(committed), reverse=True):
        remove(copy.folder / name)
    for name, signature in sorted(committed.items()):
        if name not in seen or seen[name][:3] != signature[:3]:
            replace(copy.volume.folder / name, copy.folder / name, spare)
    copy.base = snapshot(copy.folder)


class Volumes:
    """Answers what concerns volumes, from clients and from containers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.folder = world.settings.folder / "volumes"
        self.spare = world.settings.folder / "arriving"  # on the volumes' file system, so that a rename suffices

    def _place(self, volume: Volume, path: str) -> Path:
        place = (volume.folder / path.lstrip("/")).resolve()
        if not place.is_relative_to(volume.folder.resolve()):
            raise GRPCError(Status.INVALID_ARGUMENT, f"{path} is outside the volume")
        return place

    def _existing(self, volume: Volume, path: str) -> Path:
        place = self._place(volume, path)
        if not place.exists():
            raise GRPCError(Status.NOT_FOUND, f"{path}: No such file or directory")
        return place

    async def check_out(self, volume: Volume, folder: Path, *, is_read_only: bool) -> WorkingCopy:
        """A working copy of what is committed now."""
        folder.mkdir(parents=True)
        copy = WorkingCopy(volume, folder, is_read_only)
        async with volume.lock:
            await asyncio.to_thread(refresh, copy, self.spare)
        return copy

    async def commit(self, container: Container, volume_id: str) -> None:
        """Shares what the container wrote; where two wrote one file, the later commit wins."""
        copy = self._copy(container, volume_id)
        if copy.is_read_only:
            raise GRPCError(Status.FAILED_PRECONDITION, "The volume is mounted for reading only")
        async with copy.volume.lock:
            changed, removed = await asyncio.to_thread(share, copy, self.spare)
        told = {"container": container.id, "volume": copy.volume.name, "changed": changed, "removed": removed}
        self.world.commits.append(told)

    def _copy(self, container: Container | None, volume_id: str) -> WorkingCopy:
        if container is None or volume_id not in container.copies:
            raise GRPCError(Status.NOT_FOUND, f"The volume {volume_id} is not mounted here")
        return container.copies[volume_id]

    def _in_use(self, container: Container, copy: WorkingCopy) -> list[str]:
        return isolation.in_use(container.process.pid, copy.folder) if container.process else []

    @answers("VolumeCommit")
    async def commit_on_request(
        self, request: pb.VolumeCommitRequest, container: Container | None
    ) -> pb.VolumeCommitResponse:
        """Commits are never refused; the reload that the client lets follow is skipped where it would be."""
        copy = self._copy(container, request.volume_id)
        assert container is not None
        await self.commit(container, request.volume_id)
        return pb.VolumeCommitResponse(skip_reload=bool(await asyncio.to_thread(self._in_use, container, copy)))

    @answers("VolumeReload")
    async def reload(self, request: pb.VolumeReloadRequest, container: Container | None) -> Empty:
        copy = self._copy(container, request.volume_id)
        assert container is not None
        used = await asyncio.to_thread(self._in_use, container, copy)
        told = {"container": container.id, "volume": copy.volume.name, "refused_for": used}
        self.world.reloads.append(told)
        if used:
            raise GRPCError(Status.FAILED_PRECONDITION, BUSY)
        if not copy.is_read_only:
            await self.commit(container, request.volume_id)
        async with copy.volume.lock:
            await asyncio.to_thread(refresh, copy, self.spare)
        return Empty()

    @answers("VolumeGetOrCreate")
    async def get_or_create(
        self, request: pb.VolumeGetOrCreateRequest, _: Container | None
    ) -> pb.VolumeGetOrCreateResponse:
        name, creation = request.deployment_name, request.object_creation_type
        volume = self.world.volume_named(name)
        if volume is None and creation == pb.OBJECT_CREATION_TYPE_UNSPECIFIED:
            raise GRPCError(Status.NOT_FOUND, f"Volume '{name}' not found in environment 'main'")
        if volume is not None and creation == pb.OBJECT_CREATION_TYPE_CREATE_FAIL_IF_EXISTS:
            raise GRPCError(Status.ALREADY_EXISTS, f"Volume '{name}' already exists")
        if volume is None:
            volume_id = self.world.new_id("vo")
            volume = Volume(volume_id, name, self.folder / volume_id)
            volume.folder.mkdir(parents=True)
            self.world.volumes[volume_id] = volume
        metadata = self._metadata(volume)
        return pb.VolumeGetOrCreateResponse(volume_id=volume.id, version=metadata.version, metadata=metadata)

    def _metadata(self, volume: Volume) -> pb.VolumeMetadata:
        return pb.VolumeMetadata(name=volume.name, version=pb.VOLUME_FS_VERSION_V1)

    @answers("VolumeGetById")
    async def by_id(self, request: pb.VolumeGetByIdRequest, _: Container | None) -> pb.VolumeGetByIdResponse:
        volume = self.world.volume(request.volume_id)
        return pb.VolumeGetByIdResponse(volume_id=volume.id, metadata=self._metadata(volume))

    @answers("VolumeList")
    async def list_volumes(self, _request: pb.VolumeListRequest, _: Container | None) -> pb.VolumeListResponse:
        items = [
            pb.VolumeListItem(label=volume.name, volume_id=volume.id, metadata=self._metadata(volume))
            for volume in self.world.volumes.values()
        ]
        return pb.VolumeListResponse(items=items)

    @answers("VolumeDelete")
    async def delete(self, request: pb.VolumeDeleteRequest, _: Container | None) -> Empty:
        volume = self.world.volume(request.volume_id)
        del self.world.volumes[volume.id]
        await asyncio.to_thread(shutil.rmtree, volume.folder)
        return Empty()

    @answers("VolumePutFiles")
    async def put(self, request: pb.VolumePutFilesRequest, _: Container | None) -> Empty:
        volume = self.world.volume(request.volume_id)
        places = {file.filename: self._place(volume, file.filename) for file in request.files}
        taken = sorted(name for name, place in places.items() if place.exists())
        if request.disallow_overwrite_existing_files and taken:
            raise GRPCError(Status.ALREADY_EXISTS, f"{taken[0]}: already exists")
        async with volume.lock:
            self.spare.mkdir(parents=True, exist_ok=True)
            for file in request.files:
                arrived = self.spare / uuid.uuid4().hex
                arrived.write_bytes(self.world.contents[file.sha256_hex])
                replace(arrived, places[file.filename], self.spare)
                arrived.unlink()
        return Empty()

    @answers("VolumeListFiles")
    async def list_files(
        self, request: pb.VolumeListFilesRequest, _: Container | None
    ) -> AsyncIterator[pb.VolumeListFilesResponse]:
        volume = self.world.volume(request.volume_id)
        place = self._existing(volume, request.path)
        paths = [place] if place.is_file() else sorted(place.rglob("*") if request.recursive else place.iterdir())
        yield pb.VolumeListFilesResponse(entries=[self._entry(volume, path) for path in paths])

    def _entry(self, volume: Volume, path: Path) -> pb.FileEntry:
        told = path.stat()
        kind = pb.FileEntry.DIRECTORY if path.is_dir() else pb.FileEntry.FILE
        name = str(path.relative_to(volume.folder.resolve()))
        return pb.FileEntry(path=name, type=kind, size=told.st_size, mtime=int(told.st_mtime))

    @answers("VolumeGetFile2")
    async def get_file(self, request: pb.VolumeGetFile2Request, _: Container | None) -> pb.VolumeGetFile2Response:
        volume = self.world.volume(request.volume_id)
        place = self._existing(volume, request.path)
        if not place.is_file():
            raise GRPCError(Status.NOT_FOUND, f"{request.path} is a folder")
        size = place.stat().st_size
        name = quote(str(place.relative_to(volume.folder.resolve())))
        blocks = range(-(-size // BLOCK))
        urls = [f"{self.world.http}/blocks/{volume.id}/{block}/{name}" for block in blocks]
        return pb.VolumeGetFile2Response(size=size, start=0, len=size, get_urls=urls)

    @answers("VolumeRemoveFile")
    async def remove_file(self, request: pb.VolumeRemoveFileRequest, _: Container | None) -> Empty:
        volume = self.world.volume(request.volume_id)
        place = self._existing(volume, request.path)
        if place.is_dir() and not request.recursive:
            raise GRPCError(Status.INVALID_ARGUMENT, f"{request.path} is a folder")
        async with volume.lock:
            shutil.rmtree(place) if place.is_dir() else place.unlink()
        return Empty()

    def block(self, volume_id: str, number: int, path: str) -> bytes:
        """A block of a committed file."""
        with self._existing(self.world.volume(volume_id), path).open("rb") as stream:
            stream.seek(number * BLOCK)
            return stream.read(BLOCK)
