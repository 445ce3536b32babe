"""What containers ask for and report, and what clients ask about containers."""

from __future__ import annotations

import asyncio

from google.protobuf.empty_pb2 import Empty
from grpclib import GRPCError, Status
from modal_proto import api_pb2 as pb

from tests.cloud.fake_modal.containers import PREEMPTED, Containers
from tests.cloud.fake_modal.records import Container
from tests.cloud.fake_modal.serving import answers
from tests.cloud.fake_modal.world import World

HEARTBEAT = 10.0  # seconds that a heartbeat waits for news


def _own(container: Container | None) -> Container:
    if container is None:
        raise GRPCError(Status.PERMISSION_DENIED, "Only containers may ask this")
    return container


class Tasks:
    """Answers what concerns single containers."""

    def __init__(self, world: World, containers: Containers) -> None:
        self.world, self.containers = world, containers

    @answers("ContainerHello")
    async def hello(self, _request: Empty, _: Container | None) -> Empty:
        return Empty()

    @answers("ContainerHeartbeat")
    async def heartbeat(
        self, _request: pb.ContainerHeartbeatRequest, container: Container | None
    ) -> pb.ContainerHeartbeatResponse:
        asker = _own(container)
        try:
            await asyncio.wait_for(asker.is_cancelled.wait(), HEARTBEAT)
        except TimeoutError:
            return pb.ContainerHeartbeatResponse()
        asker.is_cancelled.clear()
        return pb.ContainerHeartbeatResponse(cancel_input_event=pb.CancelInputEvent(input_ids=[asker.input.id]))

    @answers("FunctionGetInputs")
    async def inputs(
        self, _request: pb.FunctionGetInputsRequest, container: Container | None
    ) -> pb.FunctionGetInputsResponse:
        """The container's only input at first, then the word that there are no more."""
        asker = _own(container)
        asker.served += 1
        if asker.served > 1:
            return pb.FunctionGetInputsResponse(inputs=[pb.FunctionGetInputsItem(kill_switch=True)])
        asker.has_input.set()
        item = pb.FunctionGetInputsItem(
            input_id=asker.input.id,
            input=asker.input.payload,
            function_call_id=asker.input.call.id,
            function_call_invocation_type=asker.input.call.kind,
            retry_count=asker.retry,
            function_map_idx=asker.input.index,
        )
        return pb.FunctionGetInputsResponse(inputs=[item])

    @answers("FunctionPutOutputs")
    async def outputs(self, request: pb.FunctionPutOutputsRequest, container: Container | None) -> Empty:
        asker = _own(container)
        asker.output = request.outputs[-1]
        asker.has_output.set()
        return Empty()

    @answers("TaskResult")
    async def result(self, request: pb.TaskResultRequest, container: Container | None) -> Empty:
        _own(container).crash = request.result
        return Empty()

    @answers("TaskCurrentInputs")
    async def current(self, _request: Empty, container: Container | None) -> pb.TaskCurrentInputsResponse:
        return pb.TaskCurrentInputsResponse(input_ids=[_own(container).input.id])

    @answers("TaskList")
    async def list_tasks(self, request: pb.TaskListRequest, _: Container | None) -> pb.TaskListResponse:
        app = self.world.app(request.app_id) if request.app_id else None
        rows = [
            pb.TaskStats(
                task_id=each.id,
                app_id=each.function.app.id,
                app_description=each.function.app.name or each.function.app.description,
                started_at=each.started_at,
                enqueued_at=each.enqueued_at,
            )
            for each in self.world.running(app)
        ]
        return pb.TaskListResponse(tasks=rows)

    @answers("TaskGetInfo")
    async def info(self, request: pb.TaskGetInfoRequest, _: Container | None) -> pb.TaskGetInfoResponse:
        found = self.world.container(request.task_id)
        told = pb.TaskInfo(
            id=found.id,
            started_at=found.started_at,
            finished_at=found.finished_at,
            enqueued_at=found.enqueued_at,
            gpu_type=found.function.definition.resources.gpu_config.gpu_type,
        )
        return pb.TaskGetInfoResponse(app_id=found.function.app.id, info=told)

    @answers("ContainerStop")
    async def stop(self, request: pb.ContainerStopRequest, _: Container | None) -> pb.ContainerStopResponse:
        """Its input goes to another container; a graceful stop lets it finish, which it does anyway."""
        found = self.world.container(request.task_id)
        if not request.graceful:
            self.containers.end(found, PREEMPTED)
        return pb.ContainerStopResponse()
