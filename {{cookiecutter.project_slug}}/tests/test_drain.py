"""From the signal to stop until the server's own shutdown: nobody is sent away too early."""

import asyncio
import signal
from collections.abc import AsyncGenerator, Iterator, Mapping
from types import FrameType
from typing import Any

import pytest
from django.test import AsyncClient
from pytest_django import Settings

from config.asgi import application
from core.asgi import PerLoop
from core.drain import draining, signals, stopping

PATIENCE = 10.0
"""Seconds after which a test fails that waits for what does not come."""


@pytest.fixture
def received() -> Iterator[list[int]]:
    """The signals that the server's own handler got."""
    received: list[int] = []

    def handler(number: int, frame: FrameType | None) -> None:
        received.append(number)

    before = {number: signal.signal(number, handler) for number in (signal.SIGTERM, signal.SIGINT)}
    yield received
    for number, was in before.items():
        signal.signal(number, was)


@pytest.fixture(autouse=True)
async def caught(received: list[int]) -> AsyncGenerator[None]:
    """As the lifespan does; what the server installed itself is there again afterwards."""
    of_the_server = signal.getsignal(signal.SIGTERM)
    await signals.get()
    yield
    await signals.close()
    assert signal.getsignal(signal.SIGTERM) is of_the_server


async def until(event: PerLoop[asyncio.Event]) -> None:
    async with asyncio.timeout(PATIENCE):
        await (await event.get()).wait()


async def test_a_signal_drains_and_still_reaches_the_server(received: list[int]) -> None:
    signal.raise_signal(signal.SIGTERM)

    await until(draining)
    assert received == [signal.SIGTERM]


async def test_requests_are_taken_for_a_while_but_readyz_says_no(
    received: list[int], async_client: AsyncClient, settings: Settings
) -> None:
    settings.SHUTDOWN_DELAY = 3600

    signal.raise_signal(signal.SIGTERM)

    await until(stopping)
    ready, alive = await async_client.get("/readyz"), await async_client.get("/livez")
    assert (ready.status_code, ready.json()) == (503, {"status": "draining"})
    assert alive.status_code == 200
    assert not (await draining.get()).is_set()
    assert received == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_the_wait(
    received: list[int], settings: Settings, number: int
) -> None:
    settings.SHUTDOWN_DELAY = 3600

    signal.raise_signal(signal.SIGTERM)
    await until(stopping)
    signal.raise_signal(number)

    await until(draining)
    assert received == [number]


async def test_who_presses_ctrl_c_does_not_wait(received: list[int], settings: Settings) -> None:
    settings.SHUTDOWN_DELAY = 3600

    signal.raise_signal(signal.SIGINT)

    await until(draining)
    assert received == [signal.SIGINT]


@pytest.mark.parametrize(("version", "closes"), [("1.1", True), ("2", False)])
async def test_responses_close_their_connections_from_then_on(version: str, closes: bool) -> None:
    close = (b"connection", b"close")

    assert close not in await headers_of_livez(version)
    (await stopping.get()).set()

    assert (close in await headers_of_livez(version)) is closes


async def headers_of_livez(version: str) -> list[tuple[bytes, bytes]]:
    scope = {
        "type": "http",
        "http_version": version,
        "method": "GET",
        "path": "/livez",
        "query_string": b"",
        "headers": [(b"host", b"testserver")],
    }
    sent: list[Mapping[str, Any]] = []
    to_service: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    await to_service.put({"type": "http.request", "body": b""})

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    await application(scope, to_service.get, send)

    assert sent[0]["status"] == 200
    headers: list[tuple[bytes, bytes]] = sent[0]["headers"]
    return headers
