"""From the engine to all who listen in this process: one reader, however many they are."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from contextvars import Context
from typing import Self

from django.conf import settings

from apps.events.engines import Engine, current_engine
from apps.events.event import Event
from core.asgi import PerLoop
from core.drain import draining

logger = logging.getLogger(__name__)

PAGE = 500
"""How many events are read at once."""
QUEUE_SIZE = 256
"""How many events may wait for a listener until it counts as too slow."""
REPLAYS_AT_ONCE = 4
"""How many listeners of a process may catch up at a time, so that the engine is not overrun."""
SIGNS_EVERY = 0.1
"""Seconds between looks at who needs a sign of life."""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds before the engine is tried again."""


class Listener:
    """One who listens, until the `with` block that it is used in ends.

    An `async for` gives it its events in batches, each event once and in order: what it missed,
    then what is new. An empty batch is a sign of life, due when there was nothing for a while.

    Attributes:
        client: the address that it comes from.
        positions: by topic, the id of the last event that it was given.
        behind: the topics that have events which it missed.
        ended: whether it gets no more: it was too slow, or the server stops. It loses nothing,
            as its client comes back and says how far it was.
        sign_due: when it is given a sign of life if nothing comes, on the event loop's clock.
    """

    # Thousands of them wait at a time: each is as small as it can be.
    __slots__ = ("_bus", "_events", "_waiter", "behind", "client", "ended", "positions", "sign_due")

    def __init__(self, bus: "Bus", topics: Sequence[str], client: str) -> None:
        self.client = client
        self.positions = dict.fromkeys(topics, 0)
        self.behind: Sequence[str] = ()
        self.ended = False
        self._bus = bus
        self._events: list[Event] = []
        self._waiter: asyncio.Future[None] | None = None
        self._put_off_sign()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._bus.leave(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> list[Event]:
        if self.behind and not self.ended:
            events = await self._bus.missed_by(self)
        else:
            events = await self._take()
        if self.ended:
            raise StopAsyncIteration
        for event in events:
            self.positions[event.topic] = event.id
        return events

    async def _take(self) -> list[Event]:
        """Wait for what was not given yet; nothing, if something else woke it up."""
        if not self._events and not self.ended:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        self._put_off_sign()
        events = [event for event in self._events if event.id > self.positions[event.topic]]
        self._events.clear()
        return events

    def put(self, event: Event) -> None:
        """Queue an event, or end if there is no room for it."""
        if len(self._events) < QUEUE_SIZE:
            self._events.append(event)
            self.wake()
        else:
            self.end()

    def end(self) -> None:
        self.ended = True
        self._events.clear()
        self.wake()

    def wake(self) -> None:
        """Have it look for what there is, or take a sign of life."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _put_off_sign(self) -> None:
        # Thousands may have heard of the same event: their signs of life are not due at once.
        pause = settings.EVENTS_HEARTBEAT * random.uniform(0.5, 1)  # noqa: S311
        self.sign_due = asyncio.get_running_loop().time() + pause


class Bus:
    """All who listen on one event loop, and the tasks that serve them."""

    def __init__(self, engine: Engine, draining: asyncio.Event) -> None:
        self._engine = engine
        self._draining = draining
        self._listeners: set[Listener] = set()
        self._clients: Counter[str] = Counter()
        self._by_topic: dict[str, set[Listener]] = {}
        # By topic that somebody listens to: the last event that was given out.
        self._cursors: dict[str, int] = {}
        self._news = asyncio.Event()
        self._topics_with_news: set[str | None] = set()
        self._replays = asyncio.Semaphore(REPLAYS_AT_ONCE)
        self._pause = SHORTEST_PAUSE

    @property
    def unavailable(self) -> tuple[type[Exception], ...]:
        """What `listen` and a listener raise when the engine cannot be reached."""
        return self._engine.unavailable

    def has_room_for(self, client: str) -> bool:
        """Say whether one more may listen from this address."""
        return (
            len(self._listeners) < settings.EVENTS_MAX_LISTENERS
            and self._clients[client] < settings.EVENTS_MAX_LISTENERS_PER_CLIENT
        )

    async def listen(
        self, topics: Sequence[str], after: Mapping[str, int], client: str
    ) -> Listener:
        """Listen from after these positions on; to a topic without one, from now on."""
        listener = Listener(self, topics, client)
        self._listeners.add(listener)
        self._clients[client] += 1
        for topic in topics:
            self._by_topic.setdefault(topic, set()).add(listener)
        try:
            # From here on what is new waits for it, so that nothing can come between that and
            # what it catches up with.
            listener.positions = await self._start(topics, after)
        except BaseException:
            self.leave(listener)
            raise
        listener.behind = [
            topic
            for topic, position in listener.positions.items()
            if position < self._cursors[topic]
        ]
        if self._draining.is_set():
            listener.end()
        return listener

    def leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        self._clients[listener.client] -= 1
        if not self._clients[listener.client]:
            del self._clients[listener.client]
        for topic in listener.positions:
            self._by_topic[topic].discard(listener)
            if not self._by_topic[topic]:
                del self._by_topic[topic]
                self._cursors.pop(topic, None)

    async def missed_by(self, listener: Listener) -> list[Event]:
        """Read the next page of what a listener is behind with."""
        positions = {topic: listener.positions[topic] for topic in listener.behind}
        async with self._replays:
            missed = await self._engine.read(positions, PAGE)
        if len(missed) < PAGE:
            listener.behind = ()
        return missed

    async def _start(self, topics: Sequence[str], after: Mapping[str, int]) -> dict[str, int]:
        new = [topic for topic in topics if topic not in self._cursors]
        if new:
            for topic, position in (await self._last(new)).items():
                self._cursors.setdefault(topic, position)
                self._tell(topic)  # what came meanwhile was announced when nobody listened
        ahead = [topic for topic in topics if after.get(topic, 0) > self._cursors[topic]]
        last = await self._last(ahead) if ahead else {}
        positions = {topic: after.get(topic, self._cursors[topic]) for topic in topics}
        # Ahead even of the engine: it has begun anew since, and all it has is news.
        return {
            topic: 0 if position > last.get(topic, position) else position
            for topic, position in positions.items()
        }

    async def _last(self, topics: Sequence[str]) -> dict[str, int]:
        async with self._replays:
            return await self._engine.last(topics)

    async def run(self) -> None:
        """Serve all who listen, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_reading())
            group.create_task(self._give_signs_of_life())
            group.create_task(self._end_when_draining())

    async def _keep_reading(self) -> None:
        while True:
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._hear_of_news())
                    group.create_task(self._read_news())
            except* Exception as errors:
                if self._pause == SHORTEST_PAUSE:
                    logger.warning(
                        "The events cannot be read; who listens waits",
                        exc_info=errors.exceptions[0],
                    )
            await asyncio.sleep(self._pause)
            self._pause = min(self._pause * 2, LONGEST_PAUSE)

    async def _hear_of_news(self) -> None:
        async with aclosing(self._engine.wakes()) as wakes:
            async for topic in wakes:
                self._tell(topic)

    def _tell(self, topic: str | None) -> None:
        self._topics_with_news.add(topic)
        self._news.set()

    async def _read_news(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            told, self._topics_with_news = self._topics_with_news, set()
            while positions := {
                topic: position
                for topic, position in self._cursors.items()
                if topic in told or None in told
            }:
                events = await self._engine.read(positions, PAGE)
                self._pause = SHORTEST_PAUSE
                for event in events:
                    self._give_out(event)
                if len(events) < PAGE:
                    break

    def _give_out(self, event: Event) -> None:
        # Somebody may have left and come back while it was read, with a later cursor.
        if event.id > self._cursors.get(event.topic, event.id):
            self._cursors[event.topic] = event.id
            for listener in self._by_topic[event.topic]:
                if not listener.ended:
                    listener.put(event)

    async def _give_signs_of_life(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SIGNS_EVERY)
            now = loop.time()
            for listener in self._listeners:
                if now >= listener.sign_due:
                    listener.wake()

    async def _end_when_draining(self) -> None:
        await self._draining.wait()
        for listener in self._listeners:
            listener.end()


@PerLoop
async def bus() -> AsyncGenerator[Bus]:
    """The bus of this event loop."""
    engine = current_engine()
    bus = Bus(engine, await draining.get())
    # Not in the context of the request that happened to be the first.
    task = asyncio.create_task(bus.run(), context=Context())
    try:
        yield bus
    finally:
        task.cancel()
        await asyncio.wait([task])
        await engine.aclose()
