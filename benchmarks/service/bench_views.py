"""The dashboard's fan-out built in other ways; each answers what `/api/dashboard/` does."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import aiohttp
import httpx
from apps.events.services import publish
from apps.orders import services
from apps.orders.views import _as_json as as_json
from core.asgi import PerLoop
from django.conf import settings
from django.http import HttpRequest, JsonResponse

NAMES = ("inventory", "notifications", "analytics")
TIMEOUT = 2.0


def address(name: str) -> str:
    upstream = settings.UPSTREAMS[name]
    return upstream.url + upstream.path


async def client_per_request(request: HttpRequest) -> JsonResponse:
    """As the article has it."""

    async def get(name: str) -> Any:
        async with httpx.AsyncClient(timeout=TIMEOUT) as client:
            return (await client.get(address(name))).json()

    return await fan_out(get)


@PerLoop
async def httpx_client() -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=TIMEOUT) as client:
        yield client


async def shared_httpx(request: HttpRequest) -> JsonResponse:
    """One httpx client for the process."""
    client = await httpx_client.get()

    async def get(name: str) -> Any:
        return (await client.get(address(name))).json()

    return await fan_out(get)


@PerLoop
async def aiohttp_session() -> AsyncGenerator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=TIMEOUT)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        yield session


async def direct_aiohttp(request: HttpRequest) -> JsonResponse:
    """aiohttp without anything around it: the most that the layer could reach."""
    session = await aiohttp_session.get()

    async def get(name: str) -> Any:
        async with session.get(address(name)) as response:
            return await response.json()

    return await fan_out(get)


async def fan_out(get: Callable[[str], Awaitable[Any]]) -> JsonResponse:
    started = time.perf_counter()
    answers = await asyncio.gather(*map(get, NAMES), return_exceptions=True)
    data = {name: a for name, a in zip(NAMES, answers, strict=True) if isinstance(a, dict)}
    errors = {name: repr(a) for name, a in zip(NAMES, answers, strict=True) if name not in data}
    elapsed = (time.perf_counter() - started) * 1000
    return JsonResponse({"data": data, "errors": errors, "elapsed_ms": elapsed})


local = threading.local()


def requests_in_threads(request: HttpRequest) -> JsonResponse:
    """The sync view that people convert: one call after the other, a session per thread."""
    import requests

    if not hasattr(local, "session"):
        local.session = requests.Session()
    data = {name: local.session.get(address(name), timeout=TIMEOUT).json() for name in NAMES}
    return JsonResponse({"data": data, "errors": {}, "elapsed_ms": 0})


def recent_orders_sync(request: HttpRequest) -> JsonResponse:
    """The newest orders as a sync view answers them, with the same service and the same JSON."""
    page = services.recent_orders()
    return JsonResponse({"orders": [as_json(order) for order in page.orders], "next": None})


async def publish_event(request: HttpRequest) -> JsonResponse:
    """Publish one event that says when it was published."""
    await publish("bench", "tick", {"at": time.time()})
    return JsonResponse({})


def publish_to_eventstream(request: HttpRequest) -> JsonResponse:
    """Do the same through django-eventstream."""
    from django_eventstream import send_event

    send_event("bench", "tick", {"at": time.time()})
    return JsonResponse({})
