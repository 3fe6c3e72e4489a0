"""What `/readyz` says of the broker and the workers."""

from celery import current_app
from kombu.exceptions import OperationalError

PATIENCE = 0.5
"""Seconds that the first worker has for its answer."""


def broker() -> str:
    """Check that the broker takes a connection."""
    with current_app.connection_for_write(connect_timeout=1) as connection:
        try:
            connection.ensure_connection(max_retries=0)
            connection.default_channel  # noqa: B018 - some are not asked before
        except OperationalError:
            return "failed"
    return "ok"


def workers() -> str:
    """Check that a worker answers; one with a single process does not while it is busy."""
    try:
        answers = current_app.control.ping(timeout=PATIENCE, limit=1)
    except OperationalError:
        return "failed"
    return "ok" if answers else "none answers"
