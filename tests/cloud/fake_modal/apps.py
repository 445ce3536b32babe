"""Applications: created, published, followed, stopped."""

from __future__ import annotations

import asyncio
import time

from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict
from modal_proto import api_pb2 as pb

from tests.cloud.fake_modal.containers import Containers
from tests.cloud.fake_modal.records import App, Container
from tests.cloud.fake_modal.serving import answers
from tests.cloud.fake_modal.world import World

ENVIRONMENT = "main"


class Apps:
    """Answers what concerns applications as a whole."""

    def __init__(self, world: World, containers: Containers) -> None:
        self.world, self.containers = world, containers

    def _new(self, description: str, state: pb.AppState.ValueType) -> App:
        app = App(self.world.new_id("ap"), description, [pb.AppState.Name(state)])
        self.world.apps[app.id] = app
        return app

    def _page(self, app: App) -> str:
        return f"https://fake.modal.test/{app.id}"

    def stop(self, app: App) -> None:
        """Ends an application with its containers; calls that wait end, too."""
        if not app.is_stopped:
            app.is_stopped, app.stopped_at = True, time.time()
        for container in self.world.running(app):
            self.containers.end(container, "stopped")
        self.world.bell.ring()

    async def stop_the_abandoned(self) -> None:
        """Deals with each application whose client has not been heard of for long as if it had said so."""
        while True:
            await asyncio.sleep(1)
            for app in self.world.apps.values():
                is_silent = time.monotonic() - app.heartbeat_at > self.world.settings.patience
                if is_silent and not app.is_stopped:
                    self._let_go(app)

    def _deployed(self, name: str, *, is_stopped: bool = False) -> App | None:
        found = [app for app in self.world.apps.values() if app.name == name and app.is_stopped == is_stopped]
        return found[-1] if found else None

    def _lifecycle(self, app: App) -> pb.AppLifecycle:
        return pb.AppLifecycle(
            app_state=app.state, created_at=app.created_at, stopped_at=app.stopped_at, version=len(app.states) - 1
        )

    @answers("ClientHello")
    async def hello(self, _request: Empty, _: Container | None) -> pb.ClientHelloResponse:
        return pb.ClientHelloResponse()

    @answers("EnvironmentGetOrCreate")
    async def environment(
        self, request: pb.EnvironmentGetOrCreateRequest, _: Container | None
    ) -> pb.EnvironmentGetOrCreateResponse:
        settings = pb.EnvironmentSettings(image_builder_version=self.world.settings.builder)
        metadata = pb.EnvironmentMetadata(name=request.deployment_name or ENVIRONMENT, settings=settings)
        return pb.EnvironmentGetOrCreateResponse(environment_id="en-1", metadata=metadata)

    @answers("AppCreate")
    async def create(self, request: pb.AppCreateRequest, _: Container | None) -> pb.AppCreateResponse:
        app = self._new(request.description, request.app_state)
        return pb.AppCreateResponse(app_id=app.id, app_page_url=self._page(app))

    @answers("AppGetOrCreate")
    async def look_up(self, request: pb.AppGetOrCreateRequest, _: Container | None) -> pb.AppGetOrCreateResponse:
        app = self._deployed(request.app_name) or self._new(request.app_name, pb.APP_STATE_DEPLOYED)
        app.name = request.app_name
        return pb.AppGetOrCreateResponse(app_id=app.id)

    @answers("AppGetByDeploymentName")
    async def by_name(
        self, request: pb.AppGetByDeploymentNameRequest, _: Container | None
    ) -> pb.AppGetByDeploymentNameResponse:
        if app := self._deployed(request.name):
            return pb.AppGetByDeploymentNameResponse(
                app_id=app.id, environment_name=ENVIRONMENT, lifecycle=self._lifecycle(app)
            )
        if app := self._deployed(request.name, is_stopped=True):
            return pb.AppGetByDeploymentNameResponse(
                previous_app_id=app.id, environment_name=ENVIRONMENT, lifecycle=self._lifecycle(app)
            )
        return pb.AppGetByDeploymentNameResponse()

    @answers("AppGetLayout")
    async def layout(self, request: pb.AppGetLayoutRequest, _: Container | None) -> pb.AppGetLayoutResponse:
        return pb.AppGetLayoutResponse(app_layout=self.containers.layout(self.world.app(request.app_id)))

    @answers("AppPublish")
    async def publish(self, request: pb.AppPublishRequest, _: Container | None) -> pb.AppPublishResponse:
        app = self.world.app(request.app_id)
        if request.app_state:
            app.states.append(pb.AppState.Name(request.app_state))
        app.name = request.name or app.name
        app.function_ids, app.class_ids = dict(request.function_ids), dict(request.class_ids)
        return pb.AppPublishResponse(url=self._page(app), deployed_at=time.time())

    @answers("AppHeartbeat")
    async def heartbeat(self, request: pb.AppHeartbeatRequest, _: Container | None) -> Empty:
        self.world.app(request.app_id).heartbeat_at = time.monotonic()
        return Empty()

    @answers("AppClientDisconnect")
    async def disconnect(self, request: pb.AppClientDisconnectRequest, _: Container | None) -> Empty:
        app = self.world.app(request.app_id)
        app.disconnect = MessageToDict(request, preserving_proto_field_name=True)
        self._let_go(app)
        return Empty()

    def _let_go(self, app: App) -> None:
        """Its client has left: an attached application ends, a detached one as soon as its calls are through."""
        if app.is_attached:
            self.stop(app)
        elif app.states[-1] == "APP_STATE_DETACHED":
            app.states.append("APP_STATE_DETACHED_DISCONNECTED")
            self.world.start(self._stop_when_idle(app))

    async def _stop_when_idle(self, app: App) -> None:
        while not app.is_stopped and self.is_busy(app):
            await self.world.bell.wait(1)
        self.stop(app)

    def is_busy(self, app: App) -> bool:
        """Whether a call in it is not through."""
        calls = [call for call in self.world.calls.values() if call.function.app is app]
        return any(len(call.outputs) < call.inputs for call in calls)

    @answers("AppStop")
    async def stop_on_request(self, request: pb.AppStopRequest, _: Container | None) -> Empty:
        self.stop(self.world.app(request.app_id))
        return Empty()

    @answers("AppGetLifecycle")
    async def lifecycle(self, request: pb.AppGetLifecycleRequest, _: Container | None) -> pb.AppGetLifecycleResponse:
        return pb.AppGetLifecycleResponse(lifecycle=self._lifecycle(self.world.app(request.app_id)))

    @answers("AppList")
    async def list_apps(self, _request: pb.AppListRequest, _: Container | None) -> pb.AppListResponse:
        rows = [
            pb.AppListResponse.AppListItem(
                app_id=app.id,
                description=app.name or app.description,
                name=app.name,
                state=app.state,
                created_at=app.created_at,
                stopped_at=app.stopped_at,
                n_running_tasks=len(self.world.running(app)),
            )
            for app in self.world.apps.values()
        ]
        return pb.AppListResponse(apps=rows)
