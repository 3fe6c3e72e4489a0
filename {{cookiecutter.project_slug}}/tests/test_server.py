"""What only a real server shows: the lifespan, and clients that hang up."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import httpx
import pytest
from conftest import Stubs

from core.asgi import Lifespan, PerLoop, Receive, Scope, Send


async def test_the_service_answers_over_a_socket(service_url: str) -> None:
    async with httpx.AsyncClient(base_url=service_url) as client:
        response = await client.get("/api/dashboard/")

    assert response.status_code == 200
    assert response.json()["errors"] == {}


async def test_a_client_that_hangs_up_cancels_the_upstream_calls(
    service_url: str, stubs: Stubs
) -> None:
    await stubs.tell("inventory", delay=30)
    before = await stubs.state("inventory")

    async with httpx.AsyncClient(base_url=service_url) as client:
        call = asyncio.ensure_future(client.get("/api/dashboard/"))
        while (await stubs.state("inventory"))["in_progress"] == 0:
            await asyncio.sleep(0.02)
        call.cancel()

    while (await stubs.state("inventory"))["in_progress"] > 0:
        await asyncio.sleep(0.02)
    after = await stubs.state("inventory")
    assert after["disconnects"] == before["disconnects"] + 1


async def no_application(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("The lifespan is not Django's to handle.")


async def test_the_lifespan_opens_what_is_shared_and_closes_it() -> None:
    events: list[str] = []

    @PerLoop
    async def shared() -> AsyncGenerator[str]:
        events.append("opened")
        yield "shared"
        events.append("closed")

    to_service: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    to_server: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
    service = Lifespan(no_application, [shared])

    async with asyncio.TaskGroup() as group:
        group.create_task(service({"type": "lifespan"}, to_service.get, to_server.put))

        await to_service.put({"type": "lifespan.startup"})
        assert await to_server.get() == {"type": "lifespan.startup.complete"}
        assert events == ["opened"]

        await to_service.put({"type": "lifespan.shutdown"})
        assert await to_server.get() == {"type": "lifespan.shutdown.complete"}
        assert events == ["opened", "closed"]


async def test_a_failure_at_start_is_told_to_the_server() -> None:
    @PerLoop
    async def unavailable() -> AsyncGenerator[None]:
        raise OSError("no such host")
        yield

    to_service: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    to_server: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
    await to_service.put({"type": "lifespan.startup"})

    with pytest.raises(OSError, match="no such host"):
        await Lifespan(no_application, [unavailable])(
            {"type": "lifespan"}, to_service.get, to_server.put
        )

    assert await to_server.get() == {"type": "lifespan.startup.failed", "message": "no such host"}


async def test_what_is_shared_is_made_once_for_all_who_ask_at_the_same_time() -> None:
    made = 0

    @PerLoop
    async def shared() -> AsyncGenerator[object]:
        nonlocal made
        made += 1
        await asyncio.sleep(0)
        yield object()

    first, second = await asyncio.gather(shared.get(), shared.get())
    await shared.close()

    assert first is second
    assert made == 1
