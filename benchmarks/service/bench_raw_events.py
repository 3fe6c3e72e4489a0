"""The least that a stream of events can cost: a bare ASGI application and a queue per listener."""

import asyncio
import json
import time
from typing import Any

listeners: set[asyncio.Queue[bytes]] = set()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["path"] == "/events/bench/":
        await stream(send)
    elif scope["path"] == "/bench/publish/":
        block = f"event: tick\ndata: {json.dumps({'at': time.time()})}\n\n".encode()
        for listener in listeners:
            listener.put_nowait(block)
        await answer(send)
    else:
        await answer(send)


async def stream(send: Any) -> None:
    queue: asyncio.Queue[bytes] = asyncio.Queue()
    listeners.add(queue)
    try:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"retry: 2000\n\n", "more_body": True})
        while True:
            body = await queue.get()
            await send({"type": "http.response.body", "body": body, "more_body": True})
    finally:
        listeners.discard(queue)


async def answer(send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})
