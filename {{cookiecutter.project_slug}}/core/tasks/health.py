"""What `/readyz` says of the broker and the workers."""

import asyncio

from celery import current_app
from kombu.exceptions import OperationalError

PATIENCE = 0.5
"""Seconds that the first worker has for its answer."""


async def broker() -> str:
    """Check that the broker takes a connection."""
    return await asyncio.to_thread(_connect)


def _connect() -> str:
    with current_app.connection_for_write(connect_timeout=1) as connection:
        try:
            connection.ensure_connection(max_retries=0)
            connection.default_channel  # noqa: B018 - some are not asked before
        except OperationalError:
            return "failed"
    return "ok"


async def workers() -> str:
    """Check that a worker answers; one with a single process does not while it is busy."""
    return await asyncio.to_thread(_ping)


def _ping() -> str:
    try:
        answers = current_app.control.ping(timeout=PATIENCE, limit=1)
    except OperationalError:
        return "failed"
    return "ok" if answers else "none answers"
