"""Probes for whatever runs the service.

`/livez` says that the process answers; `/readyz` that it can do its work. A process that is not
live should be restarted, one that is not ready should get no traffic.
"""

import asyncio

from asgiref.sync import sync_to_async
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

from core.upstreams import breaker_of, declared_upstreams

CHECK_TIMEOUT = 2.0
"""Seconds that a readiness check may take."""


async def livez(request: HttpRequest) -> JsonResponse:
    """Answer without touching anything outside the process."""
    return JsonResponse({"status": "live"})


async def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 if everything the service cannot do without is there, else 503.

    The circuits of the upstreams are told too. They do not count: the service answers without
    an upstream, and would be taken away from all its users for the sake of some.
    """
    checks = {"database": await _check_database()}
    ready = all(state == "ok" for state in checks.values())
    circuits = {name: breaker_of(upstream).state for name, upstream in declared_upstreams().items()}
    return JsonResponse(
        {"status": "ready" if ready else "not ready", "checks": checks, "circuits": circuits},
        status=200 if ready else 503,
    )


async def _check_database() -> str:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT):
            await sync_to_async(_query_database)()
    except TimeoutError:
        return "timeout"
    except DatabaseError:
        return "failed"
    return "ok"


def _query_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
