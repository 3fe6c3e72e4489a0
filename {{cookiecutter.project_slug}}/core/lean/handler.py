"""An ASGI handler that uses a thread only for a request that needs one."""

import asyncio
from collections.abc import Set
from contextlib import aclosing, closing
from functools import partial
from io import BytesIO
from itertools import filterfalse
from typing import IO, Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core import signals
from django.core.cache import close_caches
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, ASGIRequest, get_script_prefix
from django.core.handlers.base import reset_urlconf
from django.db import close_old_connections, reset_queries
from django.dispatch import Signal
from django.http import HttpRequest
from django.urls import set_script_prefix

from core.lean import threads
from core.lean.middleware import LEAN_MIDDLEWARE

# Django's own receivers do nothing in a request without a thread: connections are per thread, and
# the two others only reset what belongs to this request's context.
HARMLESS_WHEN_STARTED = {reset_queries, close_old_connections}
HARMLESS_WHEN_FINISHED = {close_caches, close_old_connections, reset_urlconf}


class LeanASGIHandler(ASGIHandler):
    """Django's handler, with the hops to a thread made only where something runs on it."""

    def load_middleware(self, is_async: bool = False) -> None:
        """Load the middleware of the settings, the lean version where there is one."""
        configured = settings.MIDDLEWARE
        settings.MIDDLEWARE = [LEAN_MIDDLEWARE.get(path, path) for path in configured]
        try:
            super().load_middleware(is_async)
        finally:
            settings.MIDDLEWARE = configured

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle a request, as `ASGIHandler.handle` does.

        Protocol: https://asgi.readthedocs.io/en/latest/specs/www.html
        """
        try:
            body_file = await self.read_body(receive)
        except RequestAborted:
            return
        with closing(body_file):
            set_script_prefix(get_script_prefix(scope))
            if not self._is_harmless(signals.request_started, HARMLESS_WHEN_STARTED):
                await signals.request_started.asend(sender=self.__class__, scope=scope)
            request, error_response = self.create_request(scope, body_file)
            if request is None:
                response: Any = error_response
                await self.send_response(response, send)
            else:
                responding = self._respond(request, receive, send)
                del request  # which a stream goes on without
                response = await responding
            if response is None:
                await signals.request_finished.asend(sender=self.__class__)
            elif self._closes_without_blocking(response):
                response.close()
            else:
                await sync_to_async(response.close)()

    async def read_body(self, receive: Any) -> IO[bytes]:
        """Read the body, as `ASGIHandler.read_body` does; where there is none, without a file."""
        first = await receive()
        if first["type"] == "http.request" and not (first.get("body") or first.get("more_body")):
            return BytesIO()
        messages = iter([first])

        async def receive_again() -> Any:
            return next(messages, None) or await receive()

        return await super().read_body(receive_again)

    async def _respond(self, request: HttpRequest, receive: Any, send: Any) -> Any:
        """Make the response and send it, until that is done or the client hangs up.

        Not in a task group, as Django does: an exception that ends one leads back to itself, and
        with it to the whole request, which then stays until the garbage collector comes by.
        """
        response = None
        hang_up = asyncio.create_task(self.listen_for_disconnect(receive))
        try:
            async with asyncio.timeout(None) as connected:
                hang_up.add_done_callback(partial(_end, connected))
                try:
                    response = await self.run_get_response(request)
                    del request
                    await self.send_response(response, send)
                finally:
                    hang_up.cancel()
                    await asyncio.wait([hang_up])
        except TimeoutError:
            if not connected.expired():
                raise
        if not hang_up.cancelled() and not isinstance(hang_up.exception(), RequestAborted):
            hang_up.result()
        return response

    async def send_response(self, response: Any, send: Any) -> None:
        """Send a response, as `ASGIHandler.send_response` does.

        While a stream lasts, nothing is kept that it does not hold itself: not its headers, the
        request, or the thread that its view used.
        """
        if not (response.streaming and response.is_async):
            await super().send_response(response, send)
            return
        await threads.release()
        response._resource_closers[:] = filterfalse(_does_nothing, response._resource_closers)
        await send(_start_of(response))
        async with aclosing(aiter(response)) as content:
            async for part in content:
                for chunk, _ in self.chunk_bytes(part):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body"})

    def _closes_without_blocking(self, response: Any) -> bool:
        return all(map(_does_nothing, response._resource_closers)) and self._is_harmless(
            signals.request_finished, HARMLESS_WHEN_FINISHED
        )

    def _is_harmless(self, signal: Signal, known: Set[Any]) -> bool:
        """Say whether a signal, in this request and at this moment, would do nothing."""
        if threads.in_use():
            return False
        sync_receivers, async_receivers = signal._live_receivers(self.__class__)
        return not async_receivers and known >= set(sync_receivers)


def _does_nothing(closer: Any) -> bool:
    """Say whether this is the `close` of a request that has no files to close."""
    return getattr(closer, "__func__", None) is ASGIRequest.close and not getattr(
        closer.__self__, "_files", None
    )


def _end(connected: asyncio.Timeout, hang_up: asyncio.Task[None]) -> None:
    if not hang_up.cancelled():
        connected.reschedule(asyncio.get_running_loop().time())


def _start_of(response: Any) -> dict[str, Any]:
    headers = [(name.encode("ascii"), value.encode("latin1")) for name, value in response.items()]
    headers += [
        (b"Set-Cookie", cookie.OutputString().encode("ascii"))
        for cookie in response.cookies.values()
    ]
    return {"type": "http.response.start", "status": response.status_code, "headers": headers}
