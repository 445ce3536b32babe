"""Containers: each runs one attempt of an input in a process of its own, and is ended when it must."""

from __future__ import annotations

import asyncio
import codecs
import logging
import os
import shlex
import shutil
import signal
import time
from typing import Any

from modal_proto import api_pb2 as pb

from tests.cloud.fake_modal import isolation, serving
from tests.cloud.fake_modal.records import App, Container, Input, Volume
from tests.cloud.fake_modal.tunnels import Tunnels
from tests.cloud.fake_modal.volumes import Volumes
from tests.cloud.fake_modal.world import World

PREEMPTED, STOPPED, CANCELLED, TIMEOUT = "preempted", "stopped", "cancelled", "timeout"
LONGEST_START = 300.0  # seconds to import the function; this machine may be slow
Result = pb.GenericResult


class Containers:
    """Runs attempts. ``services`` is what answers the containers' own requests."""

    def __init__(self, world: World, volumes: Volumes, tunnels: Tunnels) -> None:
        self.world, self.volumes, self.tunnels = world, volumes, tunnels
        self.services: list[Any] = []

    async def attempt(self, made: Input, retry: int) -> tuple[Container, pb.FunctionGetOutputsItem | None]:
        """Runs an input once; None as output means that it was preempted before it had one."""
        container_id = self.world.new_id("ta")
        container = Container(container_id, made, retry, self.world.settings.folder / "containers" / container_id)
        self.world.containers[container_id] = container
        try:
            await self._prepare(container)
            if not container.why:
                await self._run(container)
        except Exception as error:
            logging.getLogger(__name__).exception("%s failed", container.id)
            told = f"the control plane failed: {error!r}"
            container.crash = Result(status=Result.GENERIC_STATUS_INTERNAL_FAILURE, exception=told)
        finally:
            container.finished_at = time.time()
            container.is_gone.set()
            await self.tunnels.close_all(container)
            await asyncio.to_thread(shutil.rmtree, container.folder, ignore_errors=True)
            self.world.bell.ring()
        return container, self._output(container)

    async def _prepare(self, container: Container) -> None:
        definition, sent = container.function.definition, container.folder / "sent"
        sent.mkdir(parents=True)
        for mount_id in definition.mount_ids:
            for name, (digest, mode) in self.world.mounts[mount_id].items():
                place = sent / name.lstrip("/")
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(self.world.contents[digest])
                place.chmod(mode or 0o644)
        for mount in definition.volume_mounts:
            volume: Volume = self.world.volume(mount.volume_id)
            folder = container.folder / "volumes" / volume.id
            copy = await self.volumes.check_out(volume, folder, is_read_only=mount.read_only)
            container.copies[volume.id] = copy
        arguments = sent / isolation.ARGUMENTS.lstrip("/")
        arguments.parent.mkdir(parents=True, exist_ok=True)
        arguments.write_bytes(self._arguments(container).SerializeToString())

    def layout(self, app: App) -> pb.AppLayout:
        """The objects of an application, as its containers and its next deployment are told."""
        functions = [self.world.function(function_id) for function_id in app.function_ids.values()]
        objects = {
            function.id: pb.Object(object_id=function.id, function_handle_metadata=function.metadata())
            for function in functions
        }
        for function in functions:
            for needed in function.definition.object_dependencies:
                objects.setdefault(needed.object_id, self._object(needed.object_id))
        return pb.AppLayout(objects=objects.values(), function_ids=app.function_ids, class_ids=app.class_ids)

    def _object(self, object_id: str) -> pb.Object:
        if object_id in self.world.volumes:
            metadata = pb.VolumeMetadata(
                name=self.world.volume(object_id).name, version=pb.VOLUME_FS_VERSION_V1
            )  # fmt: skip
            return pb.Object(object_id=object_id, volume_metadata=metadata)
        return pb.Object(object_id=object_id)

    def _arguments(self, container: Container) -> pb.ContainerArguments:
        function = container.function
        return pb.ContainerArguments(
            task_id=container.id,
            function_id=function.id,
            app_id=function.app.id,
            function_def=function.definition,
            environment_name="main",
            app_layout=self.layout(function.app),
        )

    def _environment(self, container: Container, server: str) -> dict[str, str]:
        definition = container.function.definition
        secrets = [self.world.secrets[secret_id][1] for secret_id in definition.secret_ids]
        return {
            "PATH": os.environ["PATH"],
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "OMP_NUM_THREADS": "1",
            **self._image_variables(definition.image_id),
            **{name: value for secret in secrets for name, value in secret.items()},
            "PYTHONPATH": "/root",
            "PYTHONUNBUFFERED": "1",
            "MODAL_TASK_ID": container.id,
            "MODAL_IS_REMOTE": "1",
            "MODAL_IMAGE_ID": definition.image_id,
            "MODAL_CONTAINER_ARGUMENTS_PATH": isolation.ARGUMENTS,
            "MODAL_CONFIG_PATH": "/nonexistent",
            "MODAL_SERVER_URL": server,
        }

    def _image_variables(self, image_id: str) -> dict[str, str]:
        """What the image's ``ENV`` commands set, the base image's first."""
        image = self.world.images[image_id]
        found: dict[str, str] = {}
        for base in image.base_images:
            found |= self._image_variables(base.image_id)
        for line in image.dockerfile_commands:
            if line.startswith("ENV "):
                found |= dict(pair.split("=", 1) for pair in shlex.split(line[4:]) if "=" in pair)
        return found

    async def _run(self, container: Container) -> None:
        server, url = await serving.serve(self.world, self.services, container)
        settings, mounts = self.world.settings, container.function.definition.volume_mounts
        copies = container.copies
        binds = [isolation.Bind(copies[each.volume_id].folder, each.mount_path, each.read_only) for each in mounts]
        container.started_at = time.time()
        process = container.process = await asyncio.create_subprocess_exec(
            *isolation.command(container.folder, settings.python, binds, settings.hidden),
            env=self._environment(container, url),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout is not None and process.stderr is not None
        pipes = ((process.stdout, pb.FILE_DESCRIPTOR_STDOUT), (process.stderr, pb.FILE_DESCRIPTOR_STDERR))
        pumps = [asyncio.create_task(self._pump(container, pipe, number)) for pipe, number in pipes]
        try:
            await self._wait(container, process)
        finally:
            await self._kill(container, process)
            await asyncio.gather(*pumps)
            await serving.close(server)

    async def _pump(
        self, container: Container, pipe: asyncio.StreamReader, descriptor: pb.FileDescriptor.ValueType
    ) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        while piece := await pipe.read(65_536):
            if text := decoder.decode(piece):
                self.world.log(container, text, descriptor)

    async def _wait(self, container: Container, process: asyncio.subprocess.Process) -> None:
        """Until the container has ended, at the latest when its function's time is up."""
        ended = asyncio.create_task(process.wait())
        definition = container.function.definition
        stages = (
            (container.has_input, max(LONGEST_START, definition.startup_timeout_secs)),
            (container.has_output, definition.timeout_secs),
        )
        try:
            for stage, seconds in stages:
                if not await _first(ended, stage, seconds):
                    container.why = container.why or TIMEOUT
                    return
            await asyncio.wait([ended], timeout=self.world.settings.grace)  # for what the function does at its exit
        finally:
            ended.cancel()

    async def _kill(self, container: Container, process: asyncio.subprocess.Process) -> None:
        if _send(container, signal.SIGKILL):
            try:
                await asyncio.wait_for(process.wait(), 5)
            except TimeoutError:
                process.kill()
        elif process.returncode is None:
            process.kill()
        await process.wait()

    def _output(self, container: Container) -> pb.FunctionGetOutputsItem | None:
        made = pb.FunctionGetOutputsItem(
            input_id=container.input.id, idx=container.input.index, retry_count=container.retry, task_id=container.id
        )
        if container.output is not None:
            made.result.CopyFrom(container.output.result)
            made.data_format = container.output.data_format
        elif container.why == PREEMPTED:
            return None
        elif container.crash is not None:
            made.result.CopyFrom(container.crash)
            made.data_format = pb.DATA_FORMAT_PICKLE
        else:
            made.result.CopyFrom(self._lost(container))
        return made

    def _lost(self, container: Container) -> pb.GenericResult:
        """What is told of a container that ended without an output."""
        if container.why == TIMEOUT:
            seconds = container.function.definition.timeout_secs
            told = f"Task's current input {container.input.id} hit its timeout of {seconds}s"
            return Result(status=Result.GENERIC_STATUS_TIMEOUT, exception=told)
        if container.why:
            return Result(status=Result.GENERIC_STATUS_TERMINATED, exception=container.why)
        status = container.process.returncode if container.process else None
        return Result(status=Result.GENERIC_STATUS_INTERNAL_FAILURE, exception=f"the container exited with {status}")

    def how(self, container: Container) -> str:
        """In a word, how an attempt failed."""
        if container.why:
            return container.why
        if container.output is not None:
            return "failure"
        return "crashed" if container.crash is not None else "lost"

    def end(self, container: Container, why: str, grace: float | None = None) -> None:
        """Ends a container from outside: SIGINT, and SIGKILL after the grace period (seconds)."""
        if container.is_running and not container.why:
            container.why = why
            self.world.start(self._end(container, self.world.settings.grace if grace is None else grace))

    async def _end(self, container: Container, grace: float) -> None:
        until = time.monotonic() + grace
        while container.is_running and time.monotonic() < until and not _send(container, signal.SIGINT):
            await asyncio.sleep(0.05)
        try:
            await asyncio.wait_for(container.is_gone.wait(), max(until - time.monotonic(), 0))
        except TimeoutError:
            _send(container, signal.SIGKILL)

    def cancel(self, container: Container, *, is_ended: bool) -> None:
        """Lets a container give its input up, or ends it."""
        if is_ended:
            self.end(container, CANCELLED)
        else:
            container.is_cancelled.set()

    async def close(self) -> None:
        """Kills every container."""
        for container in self.world.running():
            self.end(container, STOPPED, grace=0)


def _send(container: Container, number: int) -> bool:
    """Sends a signal to the container, if it has a process yet and still."""
    process = container.process
    return process is not None and process.returncode is None and isolation.send(process.pid, number)


async def _first(ended: asyncio.Task[int], stage: asyncio.Event, seconds: float) -> bool:
    """Waits for a stage to be reached or the process to end; False when neither came in time."""
    reached = asyncio.create_task(stage.wait())
    try:
        done, _ = await asyncio.wait([ended, reached], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        reached.cancel()
    return bool(done)
