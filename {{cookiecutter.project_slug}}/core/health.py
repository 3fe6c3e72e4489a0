"""Probes for whatever runs the service.

`/livez` says that the process answers; `/readyz` that it can do its work. A process that is not
live should be restarted, one that is not ready should get no traffic.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.utils.decorators import sync_and_async_middleware
from django.utils.module_loading import import_string

from core.drain import stopping
from core.upstreams import breaker_of, declared_upstreams

logger = logging.getLogger(__name__)

CHECK_TIMEOUT = 2.0
"""Seconds that a readiness check may take."""


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
    async with asyncio.TaskGroup() as group:
        running = {
            name: group.create_task(_run(import_string(path)))
            for name, path in (settings.READINESS_CHECKS | settings.READINESS_NOTES).items()
        }
    checks = {name: running[name].result() for name in settings.READINESS_CHECKS}
    notes = {name: running[name].result() for name in settings.READINESS_NOTES}
    ready = all(state == "ok" for state in checks.values())
    return JsonResponse(
        {"status": "ready" if ready else "not ready", "checks": checks, **notes},
        status=200 if ready else 503,
    )


async def _run(check: Callable[[], Awaitable[Any]]) -> Any:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT):
            return await check()
    except TimeoutError:
        return "timeout"
    except Exception:
        logger.exception("A readiness check failed in a way that it does not know of.")
        return "failed"


async def circuits() -> dict[str, str]:
    """Tell the state of each upstream's circuit."""
    return {name: breaker_of(upstream).state for name, upstream in declared_upstreams().items()}


async def database() -> str:
    """Check that the database answers."""
    try:
        await sync_to_async(_query_database)()
    except DatabaseError:
        return "failed"
    return "ok"


PROBES = {"/livez": livez, "/readyz": readyz}
"""What answers where."""


def _query_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
