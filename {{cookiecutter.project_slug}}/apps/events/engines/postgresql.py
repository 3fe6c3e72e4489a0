"""Events as rows of PostgreSQL, which says itself when there are new ones."""

import sys
from collections.abc import AsyncGenerator

import psycopg
from django.db import Error, connection, transaction

from apps.events.engines.database import DatabaseEngine
from apps.events.event import Event

INTERVAL = 5.0
"""Seconds from one look at the table to the next, for what was not said."""


class PostgreSQLEngine(DatabaseEngine):
    """Listens on one connection per process, beside the pool.

    Events of a topic wait for each other: a transaction that has published ends before the next
    one publishes there. So publish at its end, or in `transaction.on_commit`.
    """

    unavailable = (Error, psycopg.Error)

    def append(self, topic: str, type: str, content: str) -> Event:  # noqa: A002
        with transaction.atomic(), connection.cursor() as cursor:
            # Ids are given before a transaction ends. Without the lock a later one could be seen
            # first, and whoever has read that far would never see the earlier one.
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtext('events'), hashtext(%s))", [topic]
            )
            event = super().append(topic, type, content)
            cursor.execute("SELECT pg_notify('events', %s)", [topic])
        return event

    async def wakes(self) -> AsyncGenerator[str | None]:
        if sys.platform == "win32":  # psycopg cannot work on the event loop there
            async for wake in super().wakes():
                yield wake
            return
        parameters = {
            name: value
            for name, value in connection.get_connection_params().items()
            if name in {"dbname", "user", "password", "host", "port", "service", "passfile"}
            or name.startswith("ssl")
        }
        async with await psycopg.AsyncConnection.connect(
            **parameters, autocommit=True, application_name="events", keepalives_idle=30
        ) as listening:
            await listening.execute("LISTEN events")
            while True:
                yield None
                async for notification in listening.notifies(timeout=INTERVAL):
                    yield notification.payload
