"""Events in the memory of one process: for tests, and gone with it."""

import asyncio
import threading
import time
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Collection, Mapping
from itertools import count, islice

from django.conf import settings

from apps.events.engines import Engine
from apps.events.event import Event


class MemoryEngine(Engine):
    """Keeps the newest events of each topic."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        # From the clock, so that ids go on rising when the process starts again.
        self._ids = count(time.time_ns() // 1_000_000)
        self._topics: defaultdict[str, deque[Event]] = defaultdict(
            lambda: deque(maxlen=settings.EVENTS_MAX_LENGTH)
        )
        self._lock = threading.Lock()
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Queue[str | None]]] = set()

    def append(self, topic: str, type: str, content: str) -> Event:  # noqa: A002
        with self._lock:
            event = Event(topic, next(self._ids), type, content)
            self._topics[topic].append(event)
            for loop, queue in self._waiting:
                loop.call_soon_threadsafe(queue.put_nowait, topic)
        return event

    async def aappend(self, topic: str, type: str, content: str) -> Event:  # noqa: A002
        return self.append(topic, type, content)

    async def read(self, positions: Mapping[str, int], limit: int) -> list[Event]:
        with self._lock:
            newer = (
                event
                for topic, position in positions.items()
                for event in self._topics.get(topic, ())
                if event.id > position
            )
            return list(islice(newer, limit))

    async def last(self, topics: Collection[str]) -> dict[str, int]:
        with self._lock:
            return {
                topic: self._topics[topic][-1].id if self._topics.get(topic) else 0
                for topic in topics
            }

    async def wakes(self) -> AsyncGenerator[str | None]:
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        waiting = (asyncio.get_running_loop(), queue)
        with self._lock:
            self._waiting.add(waiting)
        try:
            yield None
            while True:
                yield await queue.get()
        finally:
            with self._lock:
                self._waiting.discard(waiting)
