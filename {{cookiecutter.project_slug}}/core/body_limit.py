"""How large a request's body may be, and how slow, before Django keeps any of it.

Django reads a body to its end, into memory and then to disk, before it calls the first middleware.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from http import HTTPStatus
from time import monotonic
from typing import Any

from core.asgi import Application, Receive, Scope, Send, header
from core.logging import request_id

SILENCE = 20.0
"""Seconds that a client may take for the next piece of a body."""
RATE = 500
"""Bytes a second that a body has to come with, on average, after the first `SILENCE` seconds.

Apache's mod_reqtimeout has the same two numbers.
"""
FAREWELL = 2.0
"""Seconds for which a refused body is still taken, and thrown away.

A connection that ends while its client is sending can cost it the answer.
"""

BODY_HEADERS = {b"content-length", b"transfer-encoding"}


class BodyLimit:
    """Answers 413 to a request whose body is too large, and 408 to one that is too slow.

    Args:
        limit: bytes that a body may have.
        limits: other limits, by what a path begins with; the longest that fits counts.

    Protocol: https://asgi.readthedocs.io/en/latest/specs/www.html
    """

    def __init__(self, application: Application, limit: int, limits: Mapping[str, int]) -> None:
        self._application = application
        self._limit = limit
        self._limits = sorted(limits.items(), key=lambda item: -len(item[0]))

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        limited = self._limited if _may_have_body(scope) else self._application
        return limited(scope, receive, send)

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = _Body(receive, self._limit_of(scope["path"]))
        if _content_length(scope) > body.limit:
            body.refusal = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        else:
            await self._application(scope, body.receive, send)
        if body.refusal is not None:
            await _refuse(body.refusal, body.limit, receive, send)

    def _limit_of(self, path: str) -> int:
        fitting = (limit for start, limit in self._limits if path.startswith(start))
        return next(fitting, self._limit)


class _Body:
    """What an application receives, until there is a reason to refuse it.

    Then the application hears that the client is gone, which ends it with nothing sent.
    """

    def __init__(self, receive: Receive, limit: int) -> None:
        self.limit = limit
        self.refusal: HTTPStatus | None = None
        self._receive = receive
        self._length = 0
        self._waited = 0.0
        self._complete = False

    async def receive(self) -> Mapping[str, Any]:
        if self._complete:
            return await self._receive()
        # Only the time counts in which the application waits for the client.
        asked_at = monotonic()
        earned = SILENCE + self._length / RATE - self._waited
        try:
            async with asyncio.timeout(min(SILENCE, earned)):
                message = await self._receive()
        except TimeoutError:
            return self._refused(HTTPStatus.REQUEST_TIMEOUT)
        self._waited += monotonic() - asked_at
        self._length += len(message.get("body", b""))
        if self._length > self.limit:
            return self._refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        self._complete = not message.get("more_body", False)
        return message

    def _refused(self, status: HTTPStatus) -> Mapping[str, Any]:
        self.refusal = status
        return {"type": "http.disconnect"}


def _may_have_body(scope: Scope) -> bool:
    """Say whether a request can have a body: in HTTP/1 its headers tell (RFC 9112, section 6.3)."""
    if scope["type"] != "http":
        return False
    if not scope["http_version"].startswith("1."):
        return True
    return any(name in BODY_HEADERS for name, _ in scope["headers"])


def _content_length(scope: Scope) -> int:
    """Return the length that a request says its body has, 0 if it does not say."""
    return int(header(scope, b"content-length") or 0)


async def _refuse(status: HTTPStatus, limit: int, receive: Receive, send: Send) -> None:
    from core.errors import problem  # needs Django to be set up, which config.asgi does later

    details = {
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: f"Send at most {limit} bytes.",
        HTTPStatus.REQUEST_TIMEOUT: f"Send at least {RATE} bytes a second, and something every "
        f"{SILENCE:.0f} seconds.",
    }
    response = problem(status, details[status])
    headers = [
        (b"content-type", response["Content-Type"].encode()),
        (b"content-length", str(len(response.content)).encode()),
        (b"x-request-id", request_id().encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": response.content, "more_body": True})
    await _throw_away(receive)
    await send({"type": "http.response.body"})


async def _throw_away(receive: Receive) -> None:
    try:
        async with asyncio.timeout(FAREWELL):
            while (await receive()).get("more_body", False):
                pass
    except TimeoutError:
        pass
