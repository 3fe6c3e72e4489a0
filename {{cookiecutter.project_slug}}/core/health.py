"""Probes for whatever runs the service.

`/livez` says that the process answers; `/readyz` that it can do its work. A process that is not
live should be restarted, one that is not ready should get no traffic.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future
from inspect import iscoroutinefunction
from threading import Thread
from time import monotonic
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.utils.decorators import sync_and_async_middleware
from django.utils.module_loading import import_string

from core.asgi import PerLoop
from core.drain import stopping
from core.upstreams import breaker_of, declared_upstreams

logger = logging.getLogger(__name__)

CHECK_TIMEOUT = 2.0
"""Seconds that a readiness check may take."""
KEPT = 1.0
"""Seconds for which its answer is good, however many ask."""


@sync_and_async_middleware
def probes(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Answer `/livez` and `/readyz` before any other middleware.

    Probes come to an address, without TLS and without a host name that the service knows.
    """
    if iscoroutinefunction(get_response):

        async def async_middleware(request: HttpRequest) -> Any:
            return await PROBES.get(request.path_info, get_response)(request)

        return async_middleware

    def middleware(request: HttpRequest) -> Any:
        probe = PROBES.get(request.path_info)
        return async_to_sync(probe)(request) if probe else get_response(request)

    return middleware


async def livez(request: HttpRequest) -> JsonResponse:
    """Answer without touching anything outside the process."""
    return JsonResponse({"status": "live"})


async def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 if everything the service cannot do without is there, else 503.

    That is what `READINESS_CHECKS` names; and the process must not have been told to stop. What
    `READINESS_NOTES` names, such as the circuits of the upstreams, is told too. It does not count:
    the service answers without an upstream, and would be taken away from all its users for the
    sake of some.
    """
    if (await stopping.get()).is_set():
        return JsonResponse({"status": "draining"}, status=503)
    asked = await _asked.get()
    async with asyncio.TaskGroup() as group:
        running = {
            name: group.create_task(asked[path].answer())
            for name, path in (settings.READINESS_CHECKS | settings.READINESS_NOTES).items()
        }
    checks = {name: running[name].result() for name in settings.READINESS_CHECKS}
    notes = {name: running[name].result() for name in settings.READINESS_NOTES}
    ready = all(state == "ok" for state in checks.values())
    return JsonResponse(
        {"status": "ready" if ready else "not ready", "checks": checks, **notes},
        status=200 if ready else 503,
    )


async def circuits() -> dict[str, str]:
    """Tell the state of each upstream's circuit."""
    return {name: breaker_of(upstream).state for name, upstream in declared_upstreams().items()}


def database() -> str:
    """Check that the database answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "failed"
    finally:
        connection.close()
    return "ok"


PROBES = {"/livez": livez, "/readyz": readyz}
"""What answers where."""


class _Check:
    """A check that is made once at a time, and whose answer is kept for a moment.

    A sync one has a thread of its own: where it hangs, it holds up nothing else, nor the end of the
    process, and is not made again.
    """

    def __init__(self, path: str) -> None:
        self._path, self._check = path, import_string(path)
        self._call: Future[Any] | None = None
        self._answer: asyncio.Future[Any] | None = None
        self._good_until = 0.0

    async def answer(self) -> Any:
        """Return the answer, which is made first if there is none that is new enough."""
        if self._answer is None or (self._answer.done() and monotonic() >= self._good_until):
            self._answer = asyncio.ensure_future(self._make())
        # Whoever leaves ends his wait, not the check.
        return await asyncio.shield(self._answer)

    async def _make(self) -> Any:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT):
                if iscoroutinefunction(self._check):
                    return await self._check()
                return await self._call_on_thread()
        except TimeoutError:
            return "timeout"
        except Exception:
            logger.exception("A readiness check failed in a way that it does not know of.")
            return "failed"
        finally:
            self._good_until = monotonic() + KEPT

    async def _call_on_thread(self) -> Any:
        if self._call is not None and not self._call.done():
            raise TimeoutError
        future: Future[Any] = Future()
        self._call = future

        def call() -> None:
            try:
                future.set_result(self._check())
            except Exception as error:
                future.set_exception(error)

        Thread(target=call, name=self._path, daemon=True).start()
        # The thread says what it found even when nobody waits for it any more.
        return await asyncio.shield(asyncio.wrap_future(future))


class _Asked(dict[str, _Check]):
    """The checks that were asked for, by the paths that the settings name."""

    def __missing__(self, path: str) -> _Check:
        self[path] = _Check(path)
        return self[path]


@PerLoop
async def _asked() -> AsyncGenerator[_Asked]:
    yield _Asked()
