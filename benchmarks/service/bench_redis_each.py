"""A stream that subscribes to Redis for itself, as is often done: one connection per listener."""

import os
from typing import Any

from bench_raw_events import application_of
from redis.asyncio import Redis

redis = Redis.from_url(os.environ["EVENTS_URL"], max_connections=10_000)


async def stream(send: Any) -> None:
    async with redis.pubsub() as subscription:
        await subscription.subscribe("bench")
        await send({"type": "http.response.body", "body": b"retry: 2000\n\n", "more_body": True})
        async for message in subscription.listen():
            if message["type"] == "message":
                body = b"event: tick\ndata: %b\n\n" % message["data"]
                await send({"type": "http.response.body", "body": body, "more_body": True})


async def publish(data: str) -> None:
    await redis.publish("bench", data)


application = application_of(stream, publish)
