"""Gunicorn's ASGI worker, made to stop as the service needs it."""

import asyncio
import signal
from typing import ClassVar

import gunicorn.asgi.protocol
from django.conf import settings
from gunicorn.workers import gasgi


class Protocol(gunicorn.asgi.protocol.ASGIProtocol):  # type: ignore[misc]
    """Gunicorn's own, which forgets its connections: here they can be closed when they are idle."""

    connections: ClassVar[set["Protocol"]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.connections.discard(self)
        super().connection_lost(exc)

    def close_if_idle(self) -> None:
        if self._awaiting_request:
            self._keepalive_timeout()


class Worker(gasgi.ASGIWorker):  # type: ignore[misc]
    """Gunicorn's own, which does not hear of a SIGTERM that comes while it starts.

    Nor does it end while a proxy keeps a connection to it.
    """

    def init_signals(self) -> None:
        super().init_signals()
        self.loop.remove_signal_handler(signal.SIGTERM)
        # One that core/drain.py can put itself before.
        signal.signal(signal.SIGTERM, lambda number, frame: self.handle_exit_signal())

    async def _shutdown(self) -> None:
        self.cfg.set("graceful_timeout", settings.SHUTDOWN_TIMEOUT)
        for connection in list(Protocol.connections):
            connection.close_if_idle()
        await super()._shutdown()


gasgi.ASGIProtocol = Protocol
# Nobody has to know which server it is.
gunicorn.asgi.protocol._CACHED_SERVER_HEADER = b""
