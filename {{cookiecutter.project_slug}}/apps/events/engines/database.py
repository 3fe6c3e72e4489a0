"""Events as rows of the database: nothing else to run, and part of the publisher's transaction."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from datetime import timedelta
from functools import reduce
from operator import or_

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import Error, connections, transaction
from django.db.models import Max, Q
from django.utils import timezone

from apps.events.engines import Engine
from apps.events.event import Event
from apps.events.models import StoredEvent

INTERVAL = 0.5
"""Seconds from one look at the table to the next."""
TOPICS_PER_QUERY = 50
PRUNED_EVERY = 100
"""After how many events the old ones are deleted."""


class DatabaseEngine(Engine):
    """Asks the database for news at an interval, once for all who listen in the process."""

    unavailable: tuple[type[Exception], ...] = (Error,)

    def append(self, topic: str, type: str, content: str) -> Event:  # noqa: A002
        with transaction.atomic():
            row = StoredEvent.objects.create(topic=topic, type=type, content=content)
            if row.pk % PRUNED_EVERY == 0:
                _prune(topic)
        return Event(topic, row.pk, type, content)

    async def aappend(self, topic: str, type: str, content: str) -> Event:  # noqa: A002
        return await sync_to_async(self.append)(topic, type, content)

    async def read(self, positions: Mapping[str, int], limit: int) -> list[Event]:
        return await _on_thread(lambda: _read(positions, limit))

    async def last(self, topics: Collection[str]) -> dict[str, int]:
        return await _on_thread(lambda: _last(topics))

    async def wakes(self) -> AsyncGenerator[str | None]:
        while True:
            yield None
            await asyncio.sleep(INTERVAL)


async def _on_thread[T](query: Callable[[], T]) -> T:
    """Run a query on a thread of the process's, and leave no connection open on it."""

    def run() -> T:
        try:
            return query()
        finally:
            connections.close_all()

    return await sync_to_async(run, thread_sensitive=False)()


def _read(positions: Mapping[str, int], limit: int) -> list[Event]:
    events: list[Event] = []
    topics = list(positions)
    for start in range(0, len(topics), TOPICS_PER_QUERY):
        some = topics[start : start + TOPICS_PER_QUERY]
        newer = reduce(or_, (Q(topic=topic, id__gt=positions[topic]) for topic in some))
        rows = StoredEvent.objects.filter(newer).order_by("id")[:limit]
        events += [Event(row.topic, row.pk, row.type, row.content) for row in rows]
    return events


def _last(topics: Collection[str]) -> dict[str, int]:
    rows = StoredEvent.objects.filter(topic__in=topics).values_list("topic").annotate(Max("id"))
    return dict.fromkeys(topics, 0) | dict(rows)


def _prune(topic: str) -> None:
    """Delete what is too old, and what is too much in a topic."""
    oldest = timezone.now() - timedelta(seconds=settings.EVENTS_MAX_AGE)
    StoredEvent.objects.filter(created_at__lt=oldest).delete()
    newest_first = StoredEvent.objects.filter(topic=topic).order_by("-id").values_list("id")
    too_much = newest_first[settings.EVENTS_MAX_LENGTH :].first()
    if too_much is not None:
        StoredEvent.objects.filter(topic=topic, id__lte=too_much[0]).delete()
