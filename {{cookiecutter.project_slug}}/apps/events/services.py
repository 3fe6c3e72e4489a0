"""Publishing: from async code, and from sync code, tasks, `transaction.on_commit` and the shell."""

from typing import Any

from django.utils.asyncio import async_unsafe

from apps.events.engines import current_engine
from apps.events.event import Event, InvalidEventError, checked

__all__ = ["Event", "InvalidEventError", "publish", "publish_sync"]


async def publish(topic: str, type: str, data: Any) -> Event:  # noqa: A002
    """Publish an event to all who listen to its topic, on whichever process.

    With the database engine the event is a row: inside a transaction it is heard of when that
    ends well, and never if it does not.

    Args:
        type: the name under which a browser hears of it (`addEventListener`).
        data: what can be written as JSON, with Django's additions such as dates; 64 kB at most.

    Raises:
        InvalidEventError: before anything is published; the message says why.
    """
    return await current_engine().aappend(*checked(topic, type, data))


@async_unsafe("publish_sync would block the event loop: await publish.")
def publish_sync(topic: str, type: str, data: Any) -> Event:  # noqa: A002
    """Publish an event from sync code, as `publish` does."""
    return current_engine().append(*checked(topic, type, data))
