"""Functions: created within Modal's limits, varied (``with_options``), found by name."""

from __future__ import annotations

from grpclib import GRPCError, Status
from modal_proto import api_pb2 as pb

from tests.cloud.fake_modal.records import App, Container, Function
from tests.cloud.fake_modal.serving import answers
from tests.cloud.fake_modal.world import World

# https://modal.com/docs/guide/gpu, /timeouts and /retries
GPUS = frozenset(
    (
        *("T4", "L4", "L40S", "A10", "A10G", "A100", "A100-40GB", "A100-80GB", "RTX-PRO-6000"),
        *("H100", "H100!", "H200", "B200", "B200+"),
    )
)
MOST_GPUS = 8
LONGEST_TIMEOUT = 86_400
MOST_RETRIES = 10


def _check(definition: pb.Function) -> None:
    gpu = definition.resources.gpu_config
    if gpu.count and gpu.gpu_type.upper() not in GPUS:
        raise GRPCError(Status.INVALID_ARGUMENT, f"Unknown GPU type {gpu.gpu_type!r}")
    if gpu.count > MOST_GPUS:
        raise GRPCError(Status.INVALID_ARGUMENT, f"At most {MOST_GPUS} GPUs, not {gpu.count}")
    if not 1 <= definition.timeout_secs <= LONGEST_TIMEOUT:
        told = f"The timeout must be 1 to {LONGEST_TIMEOUT} seconds, not {definition.timeout_secs}"
        raise GRPCError(Status.INVALID_ARGUMENT, told)
    if definition.retry_policy.retries > MOST_RETRIES:
        told = f"At most {MOST_RETRIES} retries, not {definition.retry_policy.retries}"
        raise GRPCError(Status.INVALID_ARGUMENT, told)
    if any(mount.sub_path for mount in definition.volume_mounts):
        raise GRPCError(Status.UNIMPLEMENTED, "A part of a volume as a mount is not imitated")


def _varied(definition: pb.Function, options: pb.FunctionOptions) -> pb.Function:
    """The definition with the options laid over it."""
    made = pb.Function()
    made.CopyFrom(definition)
    if options.HasField("resources"):
        made.resources.MergeFrom(options.resources)
    if options.HasField("retry_policy"):
        made.retry_policy.CopyFrom(options.retry_policy)
    if options.HasField("timeout_secs"):
        made.timeout_secs = options.timeout_secs
    if options.replace_secret_ids:
        del made.secret_ids[:]
    made.secret_ids.extend(options.secret_ids)
    if options.replace_volume_mounts:
        del made.volume_mounts[:]
    made.volume_mounts.extend(options.volume_mounts)
    return made


class Functions:
    """Answers what concerns functions, not their calls."""

    def __init__(self, world: World) -> None:
        self.world = world

    def _keep(self, function_id: str, app: App, ranked: list[pb.Function], base: str = "") -> Function:
        for definition in ranked:
            _check(definition)
        function = Function(function_id, app, ranked[0], ranked, base)
        self.world.functions[function_id] = function
        return function

    @answers("FunctionPrecreate")
    async def precreate(
        self, request: pb.FunctionPrecreateRequest, _: Container | None
    ) -> pb.FunctionPrecreateResponse:
        metadata = pb.FunctionHandleMetadata(
            function_name=request.function_name,
            function_type=request.function_type,
            function_schema=request.function_schema,
            app_id=request.app_id,
        )
        function_id = request.existing_function_id or self.world.new_id("fu")
        return pb.FunctionPrecreateResponse(function_id=function_id, handle_metadata=metadata)

    @answers("FunctionCreate")
    async def create(self, request: pb.FunctionCreateRequest, _: Container | None) -> pb.FunctionCreateResponse:
        app = self.world.app(request.app_id)
        ranked = [each.function for each in request.function_data.ranked_functions] or [request.function]
        function = self._keep(request.existing_function_id or self.world.new_id("fu"), app, ranked)
        return pb.FunctionCreateResponse(
            function_id=function.id,
            function=function.definition,
            function_data=function.data(),
            handle_metadata=function.metadata(),
        )

    @answers("FunctionBindParams")
    async def vary(self, request: pb.FunctionBindParamsRequest, _: Container | None) -> pb.FunctionBindParamsResponse:
        base = self.world.function(request.function_id)
        is_own_gpu = request.function_options.resources.gpu_config.count > 0
        ranked = [_varied(each, request.function_options) for each in (base.ranked[:1] if is_own_gpu else base.ranked)]
        function = self._keep(self.world.new_id("fu"), base.app, ranked, base.base or base.id)
        return pb.FunctionBindParamsResponse(bound_function_id=function.id, handle_metadata=function.metadata())

    @answers("FunctionGet")
    async def by_name(self, request: pb.FunctionGetRequest, _: Container | None) -> pb.FunctionGetResponse:
        apps = [app for app in self.world.apps.values() if app.name == request.app_name and not app.is_stopped]
        if not apps:
            raise GRPCError(Status.NOT_FOUND, f"App '{request.app_name}' not found in environment 'main'")
        if request.object_tag not in apps[-1].function_ids:
            raise GRPCError(Status.NOT_FOUND, f"App '{request.app_name}' has no function '{request.object_tag}'")
        function = self.world.function(apps[-1].function_ids[request.object_tag])
        return pb.FunctionGetResponse(
            function_id=function.id, handle_metadata=function.metadata(), function=function.data()
        )

    @answers("FunctionGetById")
    async def by_id(self, request: pb.FunctionGetByIdRequest, _: Container | None) -> pb.FunctionGetByIdResponse:
        function = self.world.function(request.function_id)
        return pb.FunctionGetByIdResponse(handle_metadata=function.metadata(), function=function.data())
