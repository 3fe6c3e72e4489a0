"""Run inside a rendered project by `test_project.py`: what needs libraries that it does not have."""

import asyncio
import ssl
from collections.abc import AsyncGenerator

import httpx
import pytest
import respx
import trustme
from core.upstreams import Reason, UpstreamError, connections, fetch
from pytest_django import Settings
from pytest_httpx import HTTPXMock


@pytest.fixture
async def httpx_transport(settings: Settings) -> AsyncGenerator[None]:
    settings.UPSTREAM_TRANSPORT = httpx.AsyncHTTPTransport
    yield
    await connections.close()


async def test_respx_mocks_an_upstream(httpx_transport: None) -> None:
    with respx.mock:
        route = respx.get(path="/inventory").mock(
            side_effect=[httpx.Response(503), httpx.Response(200, json={"items": 3})]
        )

        assert await fetch("inventory") == {"items": 3}

    assert route.call_count == 2


async def test_pytest_httpx_mocks_an_upstream(httpx_transport: None, httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_exception(httpx.ReadTimeout("too slow"))
    httpx_mock.add_response(json={"items": 3})

    assert await fetch("inventory") == {"items": 3}


@pytest.fixture
def unknown_authority() -> ssl.SSLContext:
    """A server's side of TLS, with a certificate that nobody vouches for."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    return context


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    declare, unknown_authority: ssl.SSLContext
) -> None:
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.close()

    async with await asyncio.start_server(answer, "localhost", 0, ssl=unknown_authority) as server:
        port = server.sockets[0].getsockname()[1]
        declare("inventory", url=f"https://localhost:{port}", retries=0)

        with pytest.raises(UpstreamError) as caught:
            await fetch("inventory")

        assert caught.value.failure.reason is Reason.CONNECT
        assert asked == []
        await connections.close()


async def test_a_proxy_of_the_environment_is_used(declare, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(proxy, "127.0.0.1", 0) as server:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        declare("inventory", url="http://inventory.example")

        await fetch("inventory")

        await connections.close()
    assert asked == [b"GET http://inventory.example/inventory HTTP/1.1\r\n"]
