"""In development: says what held the event loop, while it is held.

A loop that is held serves nobody: every other request, stream and timer of the process waits.
"""

import asyncio
import logging
import sys
import threading
import time
import traceback
from collections.abc import AsyncGenerator

from django.conf import settings

from core.asgi import PerLoop

logger = logging.getLogger(__name__)

LIMIT = 0.1
"""Seconds that the event loop may be held before it is told."""
PAUSE = 0.02
"""Seconds from one look at the event loop to the next."""


@PerLoop
async def loop_watch() -> AsyncGenerator[None]:
    """Watches the event loop with `DEBUG` on, and does nothing without."""
    if not settings.DEBUG:
        yield
        return
    stop = threading.Event()
    watch = threading.Thread(
        target=_watch,
        args=(asyncio.get_running_loop(), threading.get_ident(), stop),
        name="loop_watch",
        daemon=True,
    )
    watch.start()
    try:
        yield
    finally:
        stop.set()
        await asyncio.to_thread(watch.join)


def _watch(loop: asyncio.AbstractEventLoop, thread: int, stop: threading.Event) -> None:
    """Ask the loop for a sign of life again and again; log its stack when none comes in time."""
    while not stop.wait(PAUSE):
        alive = threading.Event()
        asked = time.monotonic()
        try:
            loop.call_soon_threadsafe(alive.set)
        except RuntimeError:
            return  # closed without a goodbye
        if alive.wait(LIMIT):
            continue
        stack = traceback.format_stack(sys._current_frames().get(thread))
        while not alive.wait(LIMIT) and not stop.is_set():
            pass
        logger.warning(
            "The event loop was held for %d ms, during which nobody else was served, by:\n%s",
            (time.monotonic() - asked) * 1000,
            "".join(stack),
        )
