"""The tests' side of the control plane, by HTTP.

- ``GET /state``: everything that is known, see `told`.
- ``GET /calls``: the names of all requests so far, in order.
- ``GET /logs?app=ID``: the output so far, of all applications or of one.
- ``POST /preempt?function=NAME&grace=SECONDS``: preempts the running containers; answers with their ids.
- ``POST /commit?function=NAME``: what Modal does by itself every few seconds: commits the containers' volumes as they
  are at this moment, half-written files included; answers with the containers' ids.

The client's own paths: ``/blocks`` for the contents of volumes, ``/blobs`` for large inputs and outputs.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import modal
from aiohttp import web
from google.protobuf.json_format import MessageToDict
from modal_proto import api_pb2 as pb

from tests.cloud.fake_modal.containers import PREEMPTED, Containers
from tests.cloud.fake_modal.records import App, Container, Function
from tests.cloud.fake_modal.volumes import Volumes
from tests.cloud.fake_modal.world import World

LARGEST_BLOB = 2**31


def _app(app: App) -> dict[str, Any]:
    return {
        "name": app.name or app.description,
        "states": app.states,
        "is_stopped": app.is_stopped,
        "disconnect": app.disconnect,
        "functions": app.function_ids,
    }


def _gpu(definition: pb.Function) -> str | None:
    gpu = definition.resources.gpu_config
    if not gpu.count:
        return None
    return gpu.gpu_type if gpu.count == 1 else f"{gpu.gpu_type}:{gpu.count}"


def _function(world: World, function: Function) -> dict[str, Any]:
    made = function.definition
    retries = made.retry_policy
    return {
        "name": function.name,
        "app": function.app.id,
        "variant_of": function.base or None,
        "gpus": [gpu for each in function.ranked if (gpu := _gpu(each))],
        "timeout": made.timeout_secs,
        "retries": {
            "count": retries.retries,
            "initial_delay": retries.initial_delay_ms / 1000,
            "max_delay": retries.max_delay_ms / 1000,
            "backoff": retries.backoff_coefficient,
        },
        "volumes": {mount.mount_path: world.volume_name(mount.volume_id) for mount in made.volume_mounts},
        "image": made.image_id,
        "mounts": list(made.mount_ids),
        "secrets": list(made.secret_ids),
        "definition": MessageToDict(made, preserving_proto_field_name=True),
    }


def _image(image: pb.Image) -> dict[str, Any]:
    return {
        "bases": [base.image_id for base in image.base_images],
        "commands": list(image.dockerfile_commands),
        "context_files": {file.filename: file.data.decode(errors="replace") for file in image.context_files},
        "mount": image.context_mount_id or None,
    }


def _container(container: Container) -> dict[str, Any]:
    return {
        "function": container.function.name,
        "call": container.input.call.id,
        "retry": container.retry,
        "is_running": container.is_running,
        "has_input": container.has_input.is_set(),
        "why": container.why,
    }


def told(world: World) -> dict[str, Any]:
    """The state as tests read it."""
    return {
        "modal": modal.__version__,
        "builder": world.settings.builder,
        "apps": {app.id: _app(app) for app in world.apps.values()},
        "functions": {function.id: _function(world, function) for function in world.functions.values()},
        "images": {image_id: _image(image) for image_id, image in world.images.items()},
        "mounts": world.mounts,
        "secrets": {key: {"name": name, "keys": sorted(env)} for key, (name, env) in world.secrets.items()},
        "volumes": {volume.name: volume.id for volume in world.volumes.values()},
        "calls": {
            call.id: {
                "function": call.function.name,
                "kind": pb.FunctionCallInvocationType.Name(call.kind),
                "inputs": call.inputs,
                "outputs": [pb.GenericResult.GenericStatus.Name(output.result.status) for output in call.outputs],
            }
            for call in world.calls.values()
        },
        "containers": {container.id: _container(container) for container in world.containers.values()},
        "attempts": world.attempts,
        "commits": world.commits,
        "reloads": world.reloads,
        "tunnels": world.tunnels,
        "unimplemented": world.unimplemented,
    }


class Control:
    """The HTTP server."""

    def __init__(self, world: World, containers: Containers, volumes: Volumes) -> None:
        self.world, self.containers, self.volumes = world, containers, volumes

    async def start(self) -> web.AppRunner:
        """Listens on a free port and tells the world its address."""
        application = web.Application(client_max_size=LARGEST_BLOB)
        application.add_routes(
            [
                web.get("/state", self.state),
                web.get("/calls", self.calls),
                web.get("/logs", self.logs),
                web.post("/preempt", self.preempt),
                web.post("/commit", self.commit),
                web.get("/blocks/{volume}/{number}/{path:.+}", self.block),
                web.get("/blobs/{blob}", self.get_blob),
                web.put("/blobs/{blob}", self.put_blob),
            ]
        )
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.world.http = f"http://{host}:{port}"
        return runner

    def _chosen(self, request: web.Request) -> list[Container]:
        name = request.query.get("function")
        return [each for each in self.world.running() if name is None or each.function.name == name]

    async def state(self, _request: web.Request) -> web.Response:
        return web.json_response(told(self.world))

    async def calls(self, _request: web.Request) -> web.Response:
        return web.json_response(self.world.requests)

    async def logs(self, request: web.Request) -> web.Response:
        apps = [self.world.app(request.query["app"])] if "app" in request.query else self.world.apps.values()
        return web.Response(text="".join(log.text for app in apps for log in app.logs))

    async def preempt(self, request: web.Request) -> web.Response:
        chosen = [each for each in self._chosen(request) if not each.why]
        for container in chosen:
            self.containers.end(container, PREEMPTED, float(request.query.get("grace", self.world.settings.grace)))
        return web.json_response([container.id for container in chosen])

    async def commit(self, request: web.Request) -> web.Response:
        chosen = self._chosen(request)
        for container in chosen:
            for copy in container.copies.values():
                if not copy.is_read_only:
                    await self.volumes.commit(container, copy.volume.id)
        return web.json_response([container.id for container in chosen])

    async def block(self, request: web.Request) -> web.Response:
        asked = request.match_info
        body = await asyncio.to_thread(self.volumes.block, asked["volume"], int(asked["number"]), asked["path"])
        return web.Response(body=body)

    async def get_blob(self, request: web.Request) -> web.Response:
        return web.Response(body=self.world.blobs[request.match_info["blob"]])

    async def put_blob(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.world.blobs[request.match_info["blob"]] = body
        digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
        return web.Response(headers={"ETag": f'"{digest}"'})
