"""What `/readyz` says of the broker and the workers."""

import asyncio
from collections.abc import Callable
from threading import Lock
from time import monotonic

from celery import current_app
from kombu.exceptions import OperationalError

PATIENCE = 0.5
"""Seconds that the first worker has for its answer."""
KEPT = 1.0
"""Seconds for which an answer is good, however many ask."""


async def broker() -> str:
    """Check that the broker takes a connection."""
    return await asyncio.to_thread(_broker.ask)


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
    return await asyncio.to_thread(_workers.ask)


def _ping() -> str:
    try:
        answers = current_app.control.ping(timeout=PATIENCE, limit=1)
    except OperationalError:
        return "failed"
    return "ok" if answers else "none answers"


class Kept:
    """A check that is made once at a time and whose answer is kept for a moment."""

    def __init__(self, check: Callable[[], str]) -> None:
        self._check = check
        self._lock = Lock()
        self._answer = ""
        self._until = 0.0

    def ask(self) -> str:
        """Return the answer, which is made first if there is none that is new enough."""
        with self._lock:
            if monotonic() >= self._until:
                self._answer = self._check()
                self._until = monotonic() + KEPT
            return self._answer


_broker, _workers = Kept(_connect), Kept(_ping)
