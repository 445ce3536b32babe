"""Calls of functions: inputs come, attempts run, outputs are fetched."""

from __future__ import annotations

import time

from google.protobuf.empty_pb2 import Empty
from modal_proto import api_pb2 as pb

from tests.cloud.fake_modal.containers import PREEMPTED, Containers
from tests.cloud.fake_modal.records import Call, Container, Input
from tests.cloud.fake_modal.serving import answers
from tests.cloud.fake_modal.world import World

SUCCESS = pb.GenericResult.GENERIC_STATUS_SUCCESS
TERMINATED = pb.GenericResult.GENERIC_STATUS_TERMINATED
LONGEST_POLL = 50.0


def delay(policy: pb.FunctionRetryPolicy, retry: int) -> float:
    """Seconds before the so-manieth retry (1 is the first)."""
    growth = (policy.backoff_coefficient or 1.0) ** (retry - 1)
    seconds = policy.initial_delay_ms / 1000 * growth
    return min(seconds, policy.max_delay_ms / 1000) if policy.max_delay_ms else seconds


class Calls:
    """Answers what starts, watches and ends calls."""

    def __init__(self, world: World, containers: Containers) -> None:
        self.world, self.containers = world, containers

    def _put(self, call: Call, item: pb.FunctionPutInputsItem) -> pb.FunctionPutInputsResponseItem:
        made = Input(self.world.new_id("in"), call, item.idx, item.input)
        call.inputs += 1
        self.world.start(self._see_through(made))
        return pb.FunctionPutInputsResponseItem(idx=item.idx, input_id=made.id, input_jwt=made.id)

    async def _see_through(self, made: Input) -> None:
        """Attempts an input until it has its output: preempted ones again, failed ones as the policy allows."""
        call, retry = made.call, 0
        policy = call.function.definition.retry_policy
        while not self._is_over(call):
            container, output = await self.containers.attempt(made, retry)
            self._record(container, output)
            if container.why == PREEMPTED and output is None:
                continue
            assert output is not None
            if output.result.status == SUCCESS or self._is_over(call) or retry >= policy.retries:
                break
            retry += 1
            await self._pause(call, delay(policy, retry))
        else:
            output = pb.FunctionGetOutputsItem(
                input_id=made.id, idx=made.index, result=pb.GenericResult(status=TERMINATED, exception="stopped")
            )
        call.outputs.append(output)
        self.world.bell.ring()

    def _is_over(self, call: Call) -> bool:
        return call.is_cancelled or call.function.app.is_stopped

    async def _pause(self, call: Call, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._is_over(call):
            await self.world.bell.wait(until - time.monotonic())

    def _record(self, container: Container, output: pb.FunctionGetOutputsItem | None) -> None:
        how = "ok" if output is not None and output.result.status == SUCCESS else self.containers.how(container)
        self.world.attempts.append(
            {
                "function": container.function.name,
                "call": container.input.call.id,
                "input": container.input.id,
                "container": container.id,
                "retry": container.retry,
                "how": how,
                "exit_status": container.process.returncode if container.process else None,
                "seconds": round(container.finished_at - container.started_at, 3),
            }
        )

    @answers("FunctionMap")
    async def start(self, request: pb.FunctionMapRequest, _: Container | None) -> pb.FunctionMapResponse:
        function = self.world.function(request.function_id)
        call = Call(self.world.new_id("fc"), function, request.function_call_invocation_type)
        self.world.calls[call.id] = call
        return pb.FunctionMapResponse(
            function_call_id=call.id,
            pipelined_inputs=[self._put(call, item) for item in request.pipelined_inputs],
            max_inputs_outstanding=1000,
            retry_policy=function.definition.retry_policy,
            function_call_jwt=call.id,
        )

    @answers("FunctionPutInputs")
    async def put(self, request: pb.FunctionPutInputsRequest, _: Container | None) -> pb.FunctionPutInputsResponse:
        call = self.world.call(request.function_call_id)
        return pb.FunctionPutInputsResponse(inputs=[self._put(call, item) for item in request.inputs])

    @answers("FunctionFinishInputs")
    async def finish(self, _request: pb.FunctionFinishInputsRequest, _: Container | None) -> Empty:
        return Empty()

    @answers("FunctionCallFromId")
    async def from_id(
        self, request: pb.FunctionCallFromIdRequest, _: Container | None
    ) -> pb.FunctionCallFromIdResponse:
        call = self.world.call(request.function_call_id)
        metadata = pb.FunctionCallHandleMetadata(app_id=call.function.app.id, function_id=call.function.id)
        return pb.FunctionCallFromIdResponse(function_call_id=call.id, num_inputs=call.inputs, metadata=metadata)

    @answers("FunctionCallCancel")
    async def cancel(self, request: pb.FunctionCallCancelRequest, _: Container | None) -> Empty:
        call = self.world.call(request.function_call_id)
        call.is_cancelled = True
        for container in self.world.running():
            if container.input.call is call:
                self.containers.cancel(container, is_ended=request.terminate_containers)
        self.world.bell.ring()
        return Empty()

    @answers("FunctionGetOutputs")
    async def outputs(
        self, request: pb.FunctionGetOutputsRequest, _: Container | None
    ) -> pb.FunctionGetOutputsResponse:
        """The outputs after the last entry that the asker has, as soon as there is one."""
        call = self.world.call(request.function_call_id)
        until = time.monotonic() + min(request.timeout, LONGEST_POLL)
        seen = int((request.last_entry_id or "0-0").split("-")[0])
        while True:
            found = call.outputs[seen:]
            if request.HasField("start_idx"):
                found = [output for output in found if request.start_idx <= output.idx <= request.end_idx]
            left = call.inputs - len(call.outputs)
            if found or time.monotonic() >= until:
                last = f"{len(call.outputs)}-0" if found else request.last_entry_id or "0-0"
                return pb.FunctionGetOutputsResponse(outputs=found, last_entry_id=last, num_unfinished_inputs=left)
            await self.world.bell.wait(until - time.monotonic())
