"""Says that the process was told to stop, at the moment when the signal arrives.

Servers shut the lifespan down after the last connection has ended, and a stream that waited for
that would be the connection that never does.
"""

import asyncio
import signal
import threading
from collections.abc import AsyncGenerator
from types import FrameType
from typing import Any

from core.asgi import PerLoop

STOP = (signal.SIGTERM, signal.SIGINT)


@PerLoop
async def draining() -> AsyncGenerator[asyncio.Event]:
    """The event that is set once this event loop's server was told to stop."""
    yield asyncio.Event()


@PerLoop
async def signals() -> AsyncGenerator[None]:
    """Sets `draining` when a signal to stop arrives, then leaves it to the server's own handler."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's
        return
    loop = asyncio.get_running_loop()
    event = await draining.get()
    # A signal that the server does not handle ends the process, as it should.
    servers: dict[int, Any] = {
        number: signal.getsignal(number) for number in STOP if callable(signal.getsignal(number))
    }

    def drain(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(event.set)
        servers[number](number, frame)

    for number in servers:
        signal.signal(number, drain)
    try:
        yield
    finally:
        for number, handler in servers.items():
            if signal.getsignal(number) is drain:
                signal.signal(number, handler)
