"""Gunicorn's ASGI worker, with what it lacks for a service behind a proxy."""

import asyncio
import signal
from collections.abc import Iterable
from ipaddress import ip_address
from typing import ClassVar

import gunicorn.asgi.protocol
from django.conf import settings
from gunicorn.workers import gasgi

from core.asgi import Application, Receive, Scope, Send

HEAD_TIMEOUT = 10.0
"""Seconds that a client has to send its first request's headers."""


class Protocol(gunicorn.asgi.protocol.ASGIProtocol):  # type: ignore[misc]
    """Gunicorn's own, which forgets its connections, and waits for a first request for ever."""

    connections: ClassVar[set["Protocol"]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.connections.add(self)
        self._head_timer = self.worker.loop.call_later(HEAD_TIMEOUT, self._end_without_a_request)

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_timer.cancel()
        self.connections.discard(self)
        super().connection_lost(exc)

    def close_if_idle(self) -> None:
        if self._awaiting_request:
            self._keepalive_timeout()

    def _end_without_a_request(self) -> None:
        if self.req_count <= 1:
            self.close_if_idle()


class Worker(gasgi.ASGIWorker):  # type: ignore[misc]
    """Gunicorn's own, which does not hear of a SIGTERM that comes while it starts.

    Nor does it end while a proxy keeps a connection to it, nor know whom the proxy speaks for.
    """

    def init_signals(self) -> None:
        super().init_signals()
        # One that works before the loop runs, and that core/drain.py can put itself before.
        stop = super().handle_exit_signal
        signal.signal(signal.SIGTERM, lambda number, frame: stop())

    def handle_exit_signal(self) -> None:
        """Do nothing when the loop hears of SIGTERM, which the handler above takes care of."""

    def load_wsgi(self) -> None:
        super().load_wsgi()
        self.asgi: Application = self._with_the_clients_address(self.asgi)

    async def _shutdown(self) -> None:
        self.cfg.set("graceful_timeout", settings.SHUTDOWN_TIMEOUT)
        for connection in list(Protocol.connections):
            connection.close_if_idle()
        await super()._shutdown()

    def _with_the_clients_address(self, application: Application) -> Application:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and scope["client"] and self._trusts(scope["client"][0]):
                said = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
                address = self._client_among(b",".join(said).decode("latin-1").split(","))
                if address:
                    scope = {**scope, "client": (address, 0)}
            await application(scope, receive, send)

        return wrapped

    def _client_among(self, addresses: Iterable[str]) -> str | None:
        """Return the last address that is no proxy's: the client itself can write those before."""
        client = None
        for address in reversed([text.strip() for text in addresses]):
            try:
                ip_address(address)
            except ValueError:
                break
            client = address
            if not self._trusts(address) or "*" in self.cfg.forwarded_allow_ips:
                break
        return client

    def _trusts(self, address: str) -> bool:
        if "*" in self.cfg.forwarded_allow_ips:
            return True
        return any(
            ip_address(address) in network for network in self.cfg.forwarded_allow_networks()
        )


gasgi.ASGIProtocol = Protocol
# Nobody has to know which server it is.
gunicorn.asgi.protocol._CACHED_SERVER_HEADER = b""
