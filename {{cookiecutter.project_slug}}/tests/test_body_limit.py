"""A body that is too large, or too slow, is refused before Django keeps any of it."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from core import body_limit
from core.asgi import Receive, Scope, Send
from core.body_limit import BodyLimit

LIMIT = 2_500_000
CHUNK = b"x" * 65_536


async def chunks(count: int) -> AsyncGenerator[bytes]:
    for _ in range(count):
        yield CHUNK


# Over a socket


async def test_a_body_that_says_it_is_too_large_is_refused_at_once(service_url: str) -> None:
    address = urlsplit(service_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = ["POST /api/orders/ HTTP/1.1", "Host: localhost", "Content-Length: 1000000000"]
    writer.write("\r\n".join([*head, "", ""]).encode())

    # Nothing of the body was sent, and the answer is there.
    answer = await reader.readuntil(b"\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("content", [CHUNK * 100, None], ids=["with its length", "in chunks"])
async def test_a_client_that_is_still_sending_gets_the_answer(
    service_url: str, content: bytes | None
) -> None:
    async with httpx.AsyncClient(base_url=service_url) as client:
        response = await client.post(
            "/api/orders/", content=content or chunks(100), headers={"x-request-id": "order-17"}
        )

    assert response.status_code == 413
    assert response.headers["x-request-id"] == response.json()["request_id"] == "order-17"
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"] == f"Send at most {LIMIT} bytes."


async def test_a_body_of_exactly_the_limit_passes(service_url: str) -> None:
    async with httpx.AsyncClient(base_url=service_url) as client:
        response = await client.post("/api/orders/", content=b"x" * LIMIT)

    assert response.status_code == 415  # the view's own answer


# The protocol


class Client:
    """One who sends these messages to an application, then nothing more."""

    def __init__(self, *messages: Mapping[str, Any]) -> None:
        self._messages = list(messages)
        self.answer: list[Mapping[str, Any]] = []

    async def ask(self, application: BodyLimit, path: str = "/") -> int:
        """Return the status of the answer."""
        headers = [(b"transfer-encoding", b"chunked")]
        scope = {"type": "http", "http_version": "1.1", "path": path, "headers": headers}
        await application(scope, self._receive, self._hear)
        status: int = self.answer[0]["status"]
        return status

    async def _receive(self) -> Mapping[str, Any]:
        if not self._messages:
            await asyncio.Event().wait()
        return self._messages.pop(0)

    async def _hear(self, message: Mapping[str, Any]) -> None:
        self.answer.append(message)


def piece(body: bytes, *, more: bool) -> Mapping[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


async def reads_all(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body, then answer, as Django does."""
    while (message := await receive())["type"] == "http.request":
        if not message["more_body"]:
            await send({"type": "http.response.start", "status": 200})
            return


async def test_a_body_that_stops_coming_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_limit, "SILENCE", 0.01)
    monkeypatch.setattr(body_limit, "FAREWELL", 0.01)
    client = Client(piece(b"half of ", more=True))

    assert await client.ask(BodyLimit(reads_all, limit=100, limits={})) == 408
    assert json.loads(client.answer[1]["body"])["status"] == 408
    assert client.answer[-1] == {"type": "http.response.body"}


@pytest.mark.parametrize(("size", "status"), [(1, 408), (10, 200)], ids=["drips", "flows"])
async def test_a_body_that_never_stops_for_long_has_to_get_on(
    monkeypatch: pytest.MonkeyPatch, size: int, status: int
) -> None:
    now = 0.0

    class Slow(Client):
        async def _receive(self) -> Mapping[str, Any]:
            nonlocal now
            now += 0.9
            await asyncio.sleep(0)
            return await super()._receive()

    monkeypatch.setattr(body_limit, "monotonic", lambda: now)
    monkeypatch.setattr(body_limit, "SILENCE", 1.0)
    monkeypatch.setattr(body_limit, "RATE", 10)
    monkeypatch.setattr(body_limit, "FAREWELL", 0.01)
    pieces = [piece(b"x" * size, more=True) for _ in range(20)]

    assert await Slow(*pieces, piece(b"", more=False)).ask(BodyLimit(reads_all, 1000, {})) == status


async def test_a_client_may_be_silent_once_its_body_is_complete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def listens(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await receive()
        await send({"type": "http.response.start", "status": 200})

    monkeypatch.setattr(body_limit, "SILENCE", 0.01)

    assert await Client(piece(b"", more=False)).ask(BodyLimit(listens, 100, {})) == 200


@pytest.mark.parametrize(
    ("path", "status"), [("/", 413), ("/files/", 200), ("/files/small/", 413), ("/filesystem", 413)]
)
async def test_the_longest_beginning_of_the_path_sets_the_limit(path: str, status: int) -> None:
    limits = {"/files/": 100, "/files/small/": 10}

    client = Client(piece(b"x" * 50, more=True), piece(b"x" * 50, more=False))

    assert await client.ask(BodyLimit(reads_all, 10, limits), path) == status
