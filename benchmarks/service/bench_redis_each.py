"""A stream that subscribes to Redis for itself, as is often done: one connection per listener."""

import json
import os
import time
from typing import Any

from bench_raw_events import answer
from redis.asyncio import Redis

redis = Redis.from_url(os.environ["EVENTS_URL"], max_connections=10_000)


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["path"] == "/events/bench/":
        await stream(send)
    elif scope["path"] == "/bench/publish/":
        await redis.publish("bench", json.dumps({"at": time.time()}))
        await answer(send)
    else:
        await answer(send)


async def stream(send: Any) -> None:
    async with redis.pubsub() as subscription:
        await subscription.subscribe("bench")
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"retry: 2000\n\n", "more_body": True})
        async for message in subscription.listen():
            if message["type"] == "message":
                body = b"event: tick\ndata: %b\n\n" % message["data"]
                await send({"type": "http.response.body", "body": body, "more_body": True})
