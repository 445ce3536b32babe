"""From the client's requests to the methods that answer them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import grpclib.server
from grpclib import GRPCError, Status
from grpclib.events import RecvRequest, listen
from modal_proto import api_grpc

from tests.cloud.fake_modal.records import Container
from tests.cloud.fake_modal.world import World


def answers(name: str) -> Callable[[Any], Any]:
    """Marks the method that answers a request: ``await method(request, container)`` is the answer.

    ``container`` is the container that asks, or None where a client does. An asynchronous generator answers in a
    stream.
    """

    def mark(method: Any) -> Any:
        method.request_name = name
        return method

    return mark


def handlers(services: list[Any]) -> dict[str, Any]:
    """The marked methods of the services, by the request that they answer."""
    found: dict[str, Any] = {}
    for service in services:
        for attribute in dir(type(service)):
            if name := getattr(getattr(service, attribute), "request_name", None):
                found[name] = getattr(service, attribute)
    return found


def _route(world: World, name: str, handler: Any, container: Container | None) -> Any:
    async def serve(_self: Any, stream: grpclib.server.Stream[Any, Any]) -> None:
        request = await stream.recv_message()
        world.requests.append(name)
        if handler is None:
            world.unimplemented.append(name)
            raise GRPCError(Status.UNIMPLEMENTED, f"{name} is not imitated")
        answer = handler(request, container)
        if hasattr(answer, "__aiter__"):
            async for piece in answer:
                await stream.send_message(piece)
        else:
            await stream.send_message(await answer)

    return serve


def _service(world: World, found: dict[str, Any], container: Container | None) -> Any:
    """Every request of the protocol: to its handler, or refused as not imitated."""
    names = api_grpc.ModalClientBase.__abstractmethods__
    routes = {name: _route(world, name, found.get(name), container) for name in names}
    return type("Service", (api_grpc.ModalClientBase,), routes)()


def _check(token: tuple[str, str]) -> Callable[[RecvRequest], Coroutine[Any, Any, None]]:
    async def check(event: RecvRequest) -> None:
        told = event.metadata
        if (told.get("x-modal-token-id"), told.get("x-modal-token-secret")) != token:
            raise GRPCError(Status.UNAUTHENTICATED, "Token missing or invalid")

    return check


async def serve(
    world: World, services: list[Any], container: Container | None = None
) -> tuple[grpclib.server.Server, str]:
    """Starts a server on a free port: one for the clients, and one for each container, which is how it is known."""
    server = grpclib.server.Server([_service(world, handlers(services), container)])
    if container is None:
        listen(server, RecvRequest, _check(world.token))
    await server.start("127.0.0.1", 0)
    assert isinstance(server._server, asyncio.Server)
    return server, f"http://127.0.0.1:{server._server.sockets[0].getsockname()[1]}"


async def close(server: grpclib.server.Server) -> None:
    """Ends it; a client that keeps its connection is not waited for."""
    server.close()
    try:
        await asyncio.wait_for(server.wait_closed(), 5)
    except TimeoutError:
        return
