"""ASGI beyond Django's own handler: the lifespan, and what a process shares while it lasts."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

type Scope = dict[str, Any]
type Receive = Callable[[], Awaitable[Mapping[str, Any]]]
type Send = Callable[[Mapping[str, Any]], Awaitable[None]]
type Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def header(scope: Scope, name: bytes) -> str:
    """Return what a request's header of this name, in lower case, says; nothing if it has none."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


class PerLoop[T]:
    """Something to share, such as a connection pool: one per event loop, made on first use.

    It is declared as an async generator that yields the thing once and closes it after:

        @PerLoop
        async def http_client() -> AsyncGenerator[httpx.AsyncClient]:
            async with httpx.AsyncClient() as client:
                yield client

        client = await http_client.get()

    The server's one loop opens and closes it with the lifespan. Any other loop (a test's,
    `async_to_sync`'s) gets one of its own, closed when that loop shuts down its async generators,
    as `asyncio.run` does.
    """

    def __init__(self, resource: Callable[[], AsyncGenerator[T]]) -> None:
        self._resource = resource
        self._locks: dict[asyncio.AbstractEventLoop, asyncio.Lock] = {}
        self._opened: dict[asyncio.AbstractEventLoop, tuple[AsyncGenerator[T], T]] = {}

    async def get(self) -> T:
        """Return this event loop's instance."""
        loop = asyncio.get_running_loop()
        if loop not in self._opened:
            self._forget_closed_loops()
            async with self._locks.setdefault(loop, asyncio.Lock()):
                if loop not in self._opened:
                    generator = self._resource()
                    self._opened[loop] = (generator, await anext(generator))
        return self._opened[loop][1]

    def opened(self) -> T | None:
        """Return this event loop's instance if there is one already."""
        _, instance = self._opened.get(asyncio.get_running_loop(), (None, None))
        return instance

    async def close(self) -> None:
        """Close this event loop's instance, if there is one; `get` makes a new one."""
        loop = asyncio.get_running_loop()
        if loop in self._opened:
            generator, _ = self._opened.pop(loop)
            await anext(generator, None)

    def _forget_closed_loops(self) -> None:
        for per_loop in (self._locks, self._opened):
            for loop in [loop for loop in list(per_loop) if loop.is_closed()]:
                per_loop.pop(loop, None)


class Lifespan:
    """Adds the lifespan protocol to an ASGI application that lacks it, as Django's does.

    Opens what is shared before the first request is taken and closes it, last one first, after
    the last one was answered. A failure on the way is told to the server, which then stops.

    Protocol: https://asgi.readthedocs.io/en/latest/specs/lifespan.html
    """

    def __init__(self, application: Application, shared: Sequence[PerLoop[Any]]) -> None:
        self._application = application
        self._shared = shared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._application(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        async with AsyncExitStack() as stack:
            await receive()  # lifespan.startup
            try:
                for resource in self._shared:
                    stack.push_async_callback(resource.close)
                    await resource.get()
            except Exception as error:
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                raise
            await send({"type": "lifespan.startup.complete"})
            await receive()  # lifespan.shutdown
            try:
                await stack.aclose()
            except Exception as error:
                await send({"type": "lifespan.shutdown.failed", "message": str(error)})
                raise
            await send({"type": "lifespan.shutdown.complete"})
