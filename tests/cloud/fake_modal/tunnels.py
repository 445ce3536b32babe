"""Tunnels (``modal.forward``): a container's port, reachable from outside by TLS."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field

from grpclib import GRPCError, Status
from modal_proto import api_pb2 as pb

from tests.cloud.fake_modal.records import Container
from tests.cloud.fake_modal.serving import answers
from tests.cloud.fake_modal.world import World


@dataclass
class Tunnel:
    """An open tunnel with its listeners and the connections through it."""

    told: dict[str, object]
    listeners: list[asyncio.Server]
    connections: set[asyncio.Task[None]] = field(default_factory=set)

    async def close(self) -> None:
        """Ends it with its connections."""
        self.told["is_open"] = False
        for listener in self.listeners:
            listener.close()
        for connection in list(self.connections):
            connection.cancel()
        await asyncio.gather(*self.connections, return_exceptions=True)


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while piece := await source.read(65_536):
        target.write(piece)
        await target.drain()
    if target.can_write_eof():
        target.write_eof()


async def _relay(port: int, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    writers = [target]
    try:
        inner, outward = await asyncio.open_connection("127.0.0.1", port)
        writers.append(outward)
        copies = [asyncio.create_task(_copy(source, outward)), asyncio.create_task(_copy(inner, target))]
        try:
            # Over TLS nobody can close one direction alone, so the end of the answer is the end.
            await asyncio.wait(
                copies, return_when=asyncio.ALL_COMPLETED if target.can_write_eof() else asyncio.FIRST_COMPLETED
            )
        finally:
            for copy in copies:
                copy.cancel()
            await asyncio.gather(*copies, return_exceptions=True)
    except OSError:
        return  # nothing listens there, or one side has gone: the other one sees a closed connection
    finally:
        for writer in writers:
            writer.close()


class Tunnels:
    """Answers what opens and closes tunnels."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.open: dict[tuple[str, int], Tunnel] = {}

    async def _listen(
        self, port: int, tls: ssl.SSLContext | None, connections: set[asyncio.Task[None]]
    ) -> asyncio.Server:
        async def accept(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            connections.add(task)
            try:
                await _relay(port, source, target)
            finally:
                connections.discard(task)

        return await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)

    @answers("TunnelStart")
    async def start(self, request: pb.TunnelStartRequest, container: Container | None) -> pb.TunnelStartResponse:
        if container is None:
            raise GRPCError(Status.FAILED_PRECONDITION, "Tunnels lead into containers only")
        if (container.id, request.port) in self.open:
            raise GRPCError(Status.ALREADY_EXISTS, f"Port {request.port} is forwarded already")
        connections: set[asyncio.Task[None]] = set()
        kinds = [self.world.tls, None] if request.unencrypted else [self.world.tls]
        listeners = [await self._listen(request.port, tls, connections) for tls in kinds]
        ports = [listener.sockets[0].getsockname()[1] for listener in listeners]
        told: dict[str, object] = {
            "container": container.id,
            "container_port": request.port,
            "url": f"https://localhost:{ports[0]}",
            "is_unencrypted": request.unencrypted,
            "is_open": True,
        }
        self.world.tunnels.append(told)
        self.open[container.id, request.port] = Tunnel(told, listeners, connections)
        response = pb.TunnelStartResponse(host="localhost", port=ports[0])
        if request.unencrypted:
            response.unencrypted_host, response.unencrypted_port = "localhost", ports[1]
        return response

    @answers("TunnelStop")
    async def stop(self, request: pb.TunnelStopRequest, container: Container | None) -> pb.TunnelStopResponse:
        tunnel = self.open.pop((container.id if container else "", request.port), None)
        if tunnel is not None:
            await tunnel.close()
        return pb.TunnelStopResponse(exists=tunnel is not None)

    async def close_all(self, container: Container) -> None:
        """Closes the tunnels that a container leaves behind."""
        for key in [key for key in self.open if key[0] == container.id]:
            await self.open.pop(key).close()
