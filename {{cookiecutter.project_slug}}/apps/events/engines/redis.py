"""Events in Redis Streams: nothing is asked at an interval, many processes on many machines."""

import time
from collections.abc import AsyncGenerator, Collection, Mapping
from typing import Any

import redis
import redis.asyncio
from django.conf import settings
from redis.backoff import NoBackoff

from apps.events.engines import Engine
from apps.events.event import Event
from core.asgi import PerLoop

CHANNEL = "events"
INTERVAL = 5.0
"""Seconds from one look at the streams to the next, for what was not said."""

# With no second try: what was not answered may have been done, and would be published twice.
# And nothing about the library, which it would read from a file on the event loop.
OPTIONS: dict[str, Any] = {"protocol": 2, "driver_info": None}

SEQUENCE_BITS = 20
"""An id of a stream, milliseconds and a number within them, is one number here."""


class RedisEngine(Engine):
    """A stream per topic; one subscription per process says which of them has news."""

    unavailable = (redis.RedisError, OSError)

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._sync = redis.Redis.from_url(url, retry=redis.retry.Retry(NoBackoff(), 0), **OPTIONS)
        self._client = PerLoop(self._connect)

    async def _connect(self) -> AsyncGenerator[redis.asyncio.Redis]:
        client = redis.asyncio.Redis.from_url(
            self.url, retry=redis.asyncio.retry.Retry(NoBackoff(), 0), **OPTIONS
        )
        try:
            yield client
        finally:
            await client.aclose()

    def append(self, topic: str, type: str, content: str) -> Event:  # noqa: A002
        pipeline = self._sync.pipeline(transaction=False)
        _append(pipeline, topic, type, content)
        return Event(topic, _position(pipeline.execute()[0]), type, content)

    async def aappend(self, topic: str, type: str, content: str) -> Event:  # noqa: A002
        pipeline = (await self._client.get()).pipeline(transaction=False)
        _append(pipeline, topic, type, content)
        return Event(topic, _position((await pipeline.execute())[0]), type, content)

    async def read(self, positions: Mapping[str, int], limit: int) -> list[Event]:
        streams: dict[Any, Any] = {
            _key(topic): _entry_id(position) for topic, position in positions.items()
        }
        found: Any = await (await self._client.get()).xread(streams, count=limit)
        return [
            Event(
                key.decode().removeprefix(_key("")),
                _position(entry_id),
                fields[b"type"].decode(),
                fields[b"content"].decode(),
            )
            for key, entries in found
            for entry_id, fields in entries
        ]

    async def last(self, topics: Collection[str]) -> dict[str, int]:
        pipeline = (await self._client.get()).pipeline(transaction=False)
        for topic in topics:
            pipeline.xrevrange(_key(topic), count=1)
        newest = await pipeline.execute()
        return {
            topic: _position(entries[0][0]) if entries else 0
            for topic, entries in zip(topics, newest, strict=True)
        }

    async def wakes(self) -> AsyncGenerator[str | None]:
        async with (await self._client.get()).pubsub() as subscription:
            await subscription.subscribe(CHANNEL)
            while True:
                message = await subscription.get_message(timeout=INTERVAL)
                if message is not None and message["type"] == "message":
                    yield message["data"].decode()
                else:
                    # Just subscribed, or nothing for a while.
                    yield None

    async def aclose(self) -> None:
        await self._client.close()


def _append(pipeline: Any, topic: str, type: str, content: str) -> None:  # noqa: A002
    key = _key(topic)
    oldest = int((time.time() - settings.EVENTS_MAX_AGE) * 1000)
    pipeline.xadd(
        key, {"type": type, "content": content}, maxlen=settings.EVENTS_MAX_LENGTH, approximate=True
    )
    pipeline.xtrim(key, minid=oldest, approximate=True)
    pipeline.expire(key, settings.EVENTS_MAX_AGE)
    pipeline.publish(CHANNEL, topic)


def _key(topic: str) -> str:
    return f"events:{topic}"


def _position(entry_id: bytes) -> int:
    milliseconds, number = entry_id.split(b"-")
    return int(milliseconds) << SEQUENCE_BITS | int(number)


def _entry_id(position: int) -> str:
    return f"{position >> SEQUENCE_BITS}-{position & ((1 << SEQUENCE_BITS) - 1)}"
