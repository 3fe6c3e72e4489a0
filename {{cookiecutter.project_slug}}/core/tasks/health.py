"""What `/readyz` asks of the broker."""

import asyncio

from celery import current_app


async def broker() -> str:
    """Check that the broker takes a connection."""
    return await asyncio.to_thread(_connect)


def _connect() -> str:
    try:
        with current_app.connection_for_write(connect_timeout=1) as connection:
            connection.connect()
    except Exception:
        return "failed"
    return "ok"
