"""The least that a stream of events can cost: a bare ASGI application and a queue per listener."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

listeners: set[asyncio.Queue[bytes]] = set()


def application_of(
    stream: Callable[[Any], Awaitable[None]], publish: Callable[[str], Awaitable[None]]
) -> Callable[[dict[str, Any], Any, Any], Awaitable[None]]:
    """Return a bare ASGI application that streams, and publishes data when it is told to."""

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
        elif scope["path"] == "/events/bench/":
            headers = [(b"content-type", b"text/event-stream")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await stream(send)
        else:
            if scope["path"] == "/bench/publish/":
                await publish(json.dumps({"at": time.time()}))
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"{}"})

    return application


async def stream(send: Any) -> None:
    queue: asyncio.Queue[bytes] = asyncio.Queue()
    listeners.add(queue)
    try:
        await send({"type": "http.response.body", "body": b"retry: 2000\n\n", "more_body": True})
        while True:
            body = await queue.get()
            await send({"type": "http.response.body", "body": body, "more_body": True})
    finally:
        listeners.discard(queue)


async def broadcast(data: str) -> None:
    block = f"event: tick\ndata: {data}\n\n".encode()
    for listener in listeners:
        listener.put_nowait(block)


application = application_of(stream, broadcast)
