"""The output of applications: followed while they run, fetched afterwards."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from modal_proto import api_pb2 as pb

from tests.cloud.fake_modal.records import Container, Log
from tests.cloud.fake_modal.serving import answers
from tests.cloud.fake_modal.world import World


def _is_wanted(log: Log, request: Any, descriptor: pb.FileDescriptor.ValueType) -> bool:
    wanted = (
        (request.task_id, log.container),
        (request.function_id, log.function),
        (request.function_call_id, log.call),
        (descriptor, log.descriptor),
    )
    return request.search_text in log.text and all(not want or want == has for want, has in wanted)


def _batch(logs: list[Log], entry: int = 0) -> pb.TaskLogsBatch:
    items = [
        pb.TaskLogs(
            data=log.text,
            file_descriptor=log.descriptor,
            timestamp=log.time,
            timestamp_ns=int(log.time * 1e9),
            function_call_id=log.call,
            container_id=log.container,
        )
        for log in logs
    ]
    container = logs[-1].container if logs else ""
    return pb.TaskLogsBatch(items=items, entry_id=str(entry) if entry else "", task_id=container)


class Logs:
    """Answers what asks for output."""

    def __init__(self, world: World) -> None:
        self.world = world

    @answers("AppGetLogs")
    async def follow(self, request: pb.AppGetLogsRequest, _: Container | None) -> AsyncIterator[pb.TaskLogsBatch]:
        """What came since the last entry, and what comes until the application is at its end or time is up."""
        app = self.world.app(self._app_of(request))
        sent = int(request.last_entry_id or 0)
        until = time.monotonic() + request.timeout
        while True:
            fresh = app.logs[sent:]
            sent += len(fresh)
            wanted = [log for log in fresh if _is_wanted(log, request, request.file_descriptor)]
            if wanted:
                yield _batch(wanted, sent)
                continue
            if app.is_stopped and not self.world.running(app):
                yield pb.TaskLogsBatch(app_done=True)
                return
            if time.monotonic() >= until:
                return
            await self.world.bell.wait(min(1, until - time.monotonic()))

    def _app_of(self, request: pb.AppGetLogsRequest) -> str:
        return request.app_id or self.world.container(request.task_id).function.app.id

    def _between(self, request: Any) -> list[Log]:
        since = request.since.ToNanoseconds() / 1e9 if request.HasField("since") else 0.0
        until = request.until.ToNanoseconds() / 1e9 if request.HasField("until") else time.time()
        logs = self.world.app(request.app_id).logs
        return [log for log in logs if since <= log.time <= until and _is_wanted(log, request, request.source)]

    @answers("AppFetchLogs")
    async def fetch(self, request: pb.AppFetchLogsRequest, _: Container | None) -> pb.AppFetchLogsResponse:
        logs = self._between(request)[-request.limit :]
        return pb.AppFetchLogsResponse(batches=[_batch([log]) for log in logs])

    @answers("AppCountLogs")
    async def count(self, request: pb.AppCountLogsRequest, _: Container | None) -> pb.AppCountLogsResponse:
        width = request.bucket_secs or 60
        buckets: dict[int, int] = {}
        for log in self._between(request):
            start = int(log.time) // width * width
            buckets[start] = buckets.get(start, 0) + 1
        Bucket = pb.AppCountLogsResponse.LogBucket
        starts = sorted(buckets)
        return pb.AppCountLogsResponse(
            buckets=[Bucket(bucket_start_at=Timestamp(seconds=start), stdout_logs=buckets[start]) for start in starts]
        )
