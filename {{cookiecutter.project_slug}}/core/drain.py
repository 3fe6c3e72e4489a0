"""What a process does from when it is told to stop until the server's own shutdown.

Whatever sends it requests hears of it first: `/readyz` answers 503, and every response closes its
connection, while requests are still taken for `SHUTDOWN_DELAY` seconds. Then streams end, and the
server does what it does on the signal: it takes no more connections and finishes what is in
progress. A second signal ends the wait.

Servers shut the lifespan down after the last connection has ended, and a stream that waited for
that would be the connection that never does.
"""

import asyncio
import signal
import threading
from collections.abc import AsyncGenerator, Awaitable, Mapping
from types import FrameType
from typing import Any

from django.conf import settings

from core.asgi import Application, PerLoop, Receive, Scope, Send

STOP = (signal.SIGTERM, signal.SIGINT)


@PerLoop
async def stopping() -> AsyncGenerator[asyncio.Event]:
    """The event that is set as soon as this event loop's server was told to stop."""
    yield asyncio.Event()


@PerLoop
async def draining() -> AsyncGenerator[asyncio.Event]:
    """The event that is set when what is open has to end."""
    yield asyncio.Event()


@PerLoop
async def signals() -> AsyncGenerator[None]:
    """Sets the two events when a signal to stop arrives, then hands it to the server's handler.

    SIGINT is a person who waits: there is no delay.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's
        return
    loop = asyncio.get_running_loop()
    told, over = await stopping.get(), await draining.get()
    # A signal that the server does not handle ends the process, as it should.
    servers: dict[int, Any] = {
        number: signal.getsignal(number) for number in STOP if callable(signal.getsignal(number))
    }
    delayed: list[asyncio.TimerHandle] = []

    def stop(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(begin, number)

    def begin(number: int) -> None:
        waits = number == signal.SIGTERM and not told.is_set()
        told.set()
        delayed.append(loop.call_later(settings.SHUTDOWN_DELAY if waits else 0, end, number))

    def end(number: int) -> None:
        over.set()
        servers[number](number, None)

    for number in servers:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for timer in delayed:
            timer.cancel()
        for number, handler in servers.items():
            if signal.getsignal(number) is stop:
                signal.signal(number, handler)


def close_connections(application: Application) -> Application:
    """Have every response close its connection once the process was told to stop.

    A proxy that keeps connections open would otherwise send a request on one that the server
    closes at this moment.
    """

    def closing(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        told = stopping.opened()
        kept = scope["type"] != "http" or not scope["http_version"].startswith("1.")
        if kept or told is None or not told.is_set():
            return application(scope, receive, send)

        async def send_closing(message: Mapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), (b"connection", b"close")]
                message = {**message, "headers": headers}
            await send(message)

        return application(scope, receive, send_closing)

    return closing
