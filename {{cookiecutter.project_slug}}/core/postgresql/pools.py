"""The connection pools, one per database and process."""

import logging
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core import checks
from django.db import DatabaseError, connections
from django.db.backends.postgresql.base import DatabaseWrapper

from core.asgi import PerLoop

logger = logging.getLogger(__name__)

# What is left for those who are not superusers.
CONNECTIONS_OF_THE_SERVER = """
    SELECT current_setting('max_connections')::int
         - current_setting('superuser_reserved_connections')::int
         - coalesce(current_setting('reserved_connections', true)::int, 0)
"""


@PerLoop
async def pools() -> AsyncGenerator[None]:
    """Says at start what does not fit, and closes the pools of this process in the end."""
    await sync_to_async(_log_problems)()
    try:
        yield
    finally:
        await sync_to_async(close_all)()


def check_pools(*, databases: Sequence[str] | None = None, **kwargs: Any) -> Iterator[Any]:
    """System check: all workers' pools together fit what the server allows.

    It asks the server, so it runs with `migrate` and `check --database default` only.
    """
    for connection in _pooled_connections():
        if connection.alias in (databases or []):
            for problem in _problems(connection):
                yield checks.Warning(
                    problem,
                    hint="Lower WEB_CONCURRENCY or DATABASE_POOL_SIZE, or raise max_connections.",
                    id="core.W002",
                )


def _pooled_connections() -> Iterator[DatabaseWrapper]:
    for connection in connections.all():
        if isinstance(connection, DatabaseWrapper) and connection.pool:
            yield connection


def _problems(connection: DatabaseWrapper) -> Iterator[str]:
    if settings.DEBUG:
        return  # development has one worker, whatever the machine
    with connection.cursor() as cursor:
        cursor.execute(CONNECTIONS_OF_THE_SERVER)
        [available] = cursor.fetchone()
    size = connection.pool.max_size
    wanted = settings.WORKERS * size
    if wanted > available:
        yield (
            f"The server of database '{connection.alias}' has {available} connections for all who "
            f"use it; {settings.WORKERS} workers with a pool of {size} may take {wanted}."
        )


def _log_problems() -> None:
    for connection in _pooled_connections():
        try:
            for problem in _problems(connection):
                logger.warning(problem)
        except DatabaseError:
            # Not a reason not to start: /readyz tells, and the pool tries again.
            logger.warning("The server of database '%s' does not answer", connection.alias)
        finally:
            connection.close()


def close_all() -> None:
    """Close the pools of this process, and this thread's connections from them."""
    for connection in _pooled_connections():
        connection.close()
        connection.close_pool()
