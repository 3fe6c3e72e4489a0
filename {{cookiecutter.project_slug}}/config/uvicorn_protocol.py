"""Uvicorn's HTTP protocol, which takes a head of any size and waits for it without end."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD = 64 * 1024
"""Bytes that a request's line and headers may have."""
HEAD_TIMEOUT = 10.0
"""Seconds that a client has to send them."""


class Protocol(HttpToolsProtocol):
    """The same, with both limited."""

    _in_head = True
    _heads = 0
    _head_size = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._limit_time()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        heads, was_in_head = self._heads, self._in_head
        super().data_received(data)
        if was_in_head and heads == self._heads and not self.transport.is_closing():
            if self._head_timer is None:
                self._limit_time()
            self._head_size += len(data)
            if self._head_size > MOST_HEAD:
                self.send_400_response("The headers are too large.")

    def on_headers_complete(self) -> None:
        self._in_head, self._head_size = False, 0
        self._heads += 1
        self._forget_time()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head = True
        super().on_message_complete()

    def _limit_time(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT, self.transport.close)

    def _forget_time(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
