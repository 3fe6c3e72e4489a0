"""ASGI beyond Django's own handler: the lifespan, and what a process shares while it lasts."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from asgiref.typing import (
        ASGI3Application,
        ASGIReceiveCallable,
        ASGISendCallable,
        Scope,
    )


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
        self._locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = (
            WeakKeyDictionary()
        )
        self._opened: WeakKeyDictionary[
            asyncio.AbstractEventLoop, tuple[AsyncGenerator[T], T]
        ] = WeakKeyDictionary()

    async def get(self) -> T:
        """Return this event loop's instance."""
        loop = asyncio.get_running_loop()
        if loop not in self._opened:
            async with self._locks.setdefault(loop, asyncio.Lock()):
                if loop not in self._opened:
                    generator = self._resource()
                    self._opened[loop] = (generator, await anext(generator))
        return self._opened[loop][1]

    async def close(self) -> None:
        """Close this event loop's instance, if there is one; `get` makes a new one."""
        generator, _ = self._opened.pop(asyncio.get_running_loop(), (None, None))
        if generator is not None:
            await generator.aclose()


class Lifespan:
    """Adds the lifespan protocol to an ASGI application that lacks it, as Django's does.

    Opens what is shared before the first request is taken and closes it, last one first, after
    the last one was answered. A failure on the way is told to the server, which then stops.

    Protocol: https://asgi.readthedocs.io/en/latest/specs/lifespan.html
    """

    def __init__(self, application: "ASGI3Application", shared: Sequence[PerLoop[Any]]) -> None:
        self._application = application
        self._shared = shared

    async def __call__(
        self, scope: "Scope", receive: "ASGIReceiveCallable", send: "ASGISendCallable"
    ) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._application(scope, receive, send)

    async def _live(self, receive: "ASGIReceiveCallable", send: "ASGISendCallable") -> None:
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
