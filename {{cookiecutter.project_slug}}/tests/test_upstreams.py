"""Calls to one upstream that misbehaves, over real sockets."""

import asyncio
import gzip
import json
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import unused_port
from django.test import AsyncClient
from pytest_django import Settings

from core.upstreams import (
    Reason,
    State,
    UpstreamError,
    breaker_of,
    connections,
    deadline,
    fetch,
    fetch_sync,
)

type Handler = Callable[["Exchange"], Awaitable[None]]
type Declare = Callable[..., None]


class Exchange:
    """One request that the misbehaving upstream has read, and the way to answer it."""

    def __init__(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.head = head
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def answer(
        self, body: bytes = b"{}", status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        await self.send("\r\n".join([*lines, "", ""]).encode() + body)

    async def until_hung_up(self) -> None:
        await self._reader.read()

    def reset(self) -> None:
        self._writer.transport.abort()


class Upstream:
    """A server that answers as its handler does, and counts the requests."""

    def __init__(self) -> None:
        self.handler: Handler = Exchange.answer
        self.requests: list[str] = []
        self.counts: Counter[str] = Counter()
        self._connections: set[asyncio.Task[None]] = set()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        self.counts["connections"] += 1
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                self.requests.append(head)
                self.counts["in progress"] += 1
                self.counts["most"] = max(self.counts["most"], self.counts["in progress"])
                try:
                    await self.handler(Exchange(head, reader, writer))
                finally:
                    self.counts["in progress"] -= 1
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def all_hung_up(self) -> None:
        """Wait until no caller is connected any more."""
        async with asyncio.timeout(5):
            while self._connections:
                await asyncio.sleep(0.01)


@pytest.fixture
async def upstream(declare: Declare) -> AsyncGenerator[Upstream]:
    """The `inventory` upstream, to misbehave; no call may leave anything behind."""
    upstream = Upstream()
    open_before = open_files()
    server = await asyncio.start_server(upstream.connected, "127.0.0.1", 0)
    declare("inventory", url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        yield upstream
        await connections.close()
        await upstream.all_hung_up()
        assert asyncio.all_tasks() == {asyncio.current_task()}
    finally:
        server.close()
        await server.wait_closed()
    assert open_files() <= open_before


def open_files() -> int:
    """Return how many files and sockets this process has open; 0 where only root can tell."""
    files = Path("/proc/self/fd")
    return len(list(files.iterdir())) if files.exists() else 0


async def reason_of(call: Awaitable[Any]) -> Reason:
    with pytest.raises(UpstreamError) as caught:
        await call
    return caught.value.failure.reason


def answers(*exchanges: Callable[[Exchange], Awaitable[None]]) -> Handler:
    """Answer each request in turn as said; the last one holds for all that follow."""
    left = list(exchanges)

    async def handler(exchange: Exchange) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(exchange)

    return handler


def status(code: int, headers: dict[str, str] | None = None) -> Handler:
    return lambda exchange: exchange.answer(status=code, headers=headers)


async def ok(exchange: Exchange) -> None:
    await exchange.answer(b'{"items": 3}')


def ok_after(seconds: float) -> Handler:
    async def handler(exchange: Exchange) -> None:
        await asyncio.sleep(seconds)
        await ok(exchange)

    return handler


async def hang(exchange: Exchange) -> None:
    await exchange.until_hung_up()


# What comes back


async def test_an_answer_is_the_json_object_of_the_upstream(upstream: Upstream) -> None:
    upstream.handler = ok

    assert await fetch("inventory") == {"items": 3}


async def test_the_connection_is_kept_for_the_next_call(upstream: Upstream) -> None:
    for _ in range(3):
        await fetch("inventory")

    assert upstream.counts["connections"] == 1


async def test_path_query_headers_and_body_are_the_callers_to_choose(upstream: Upstream) -> None:
    await fetch(
        "inventory",
        method="POST",
        path="/items",
        params={"page": "2"},
        headers={"x-tenant": "acme"},
        data={"name": "nut"},
    )

    head = upstream.requests[0].lower()
    assert head.startswith("post /items?page=2 http/1.1\r\n")
    assert "\r\nx-tenant: acme\r\n" in head
    assert "\r\ncontent-type: application/x-www-form-urlencoded\r\n" in head


async def test_the_authorization_is_sent_and_never_shown(
    upstream: Upstream, declare: Declare, settings: Settings
) -> None:
    declare("inventory", authorization="Bearer s3cret")

    await fetch("inventory")

    assert "\r\nauthorization: Bearer s3cret\r\n" in upstream.requests[0]
    assert "s3cret" not in repr(settings.UPSTREAMS)


async def test_the_requests_id_and_trace_are_passed_on(
    upstream: Upstream, async_client: AsyncClient
) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    response = await async_client.get(
        "/api/dashboard/", headers={"x-request-id": "order-17", "traceparent": trace}
    )

    assert response["X-Request-ID"] == "order-17"
    assert "\r\nx-request-id: order-17\r\n" in upstream.requests[0]
    assert f"\r\ntraceparent: {trace}\r\n" in upstream.requests[0]


async def test_an_id_that_is_not_a_plain_word_is_replaced(
    upstream: Upstream, async_client: AsyncClient
) -> None:
    response = await async_client.get("/api/dashboard/", headers={"x-request-id": "a b\tc"})

    assert "a b" not in response["X-Request-ID"]
    assert f"x-request-id: {response['X-Request-ID']}" in upstream.requests[0]


async def test_sync_code_has_an_equally_short_way(upstream: Upstream) -> None:
    upstream.handler = ok

    assert await asyncio.to_thread(fetch_sync, "inventory") == {"items": 3}


async def test_an_undeclared_upstream_is_named() -> None:
    with pytest.raises(LookupError, match="No upstream 'nowhere' is declared"):
        await fetch("nowhere")


# What cannot be used


@pytest.mark.parametrize(
    ("body", "headers", "reason"),
    [
        pytest.param(b"<html>", {"content-type": "text/html"}, Reason.INVALID, id="a page"),
        pytest.param(b"", {}, Reason.INVALID, id="nothing"),
        pytest.param(b'"\xff"', {}, Reason.INVALID, id="not UTF-8"),
        pytest.param(b'{"a":' * 100_000, {}, Reason.INVALID, id="nested too deeply"),
        pytest.param(b"x" * 2_000_000, {}, Reason.TOO_LARGE, id="too long"),
        pytest.param(
            gzip.compress(b" " * 50_000_000),
            {"content-encoding": "gzip"},
            Reason.TOO_LARGE,
            id="a compression bomb",
        ),
        pytest.param(
            gzip.compress(b'{"items": 3}')[:-9],
            {"content-encoding": "gzip"},
            Reason.INVALID,
            id="compressed but cut off",
        ),
        pytest.param(b"{}", {"content-encoding": "gzip"}, Reason.INVALID, id="not compressed"),
        pytest.param(b"{}", {"content-encoding": "br"}, Reason.INVALID, id="not asked for"),
    ],
)
async def test_a_body_that_cannot_be_used_is_refused_once(
    upstream: Upstream, body: bytes, headers: dict[str, str], reason: Reason
) -> None:
    upstream.handler = lambda exchange: exchange.answer(body, headers=headers)

    assert await reason_of(fetch("inventory")) is reason
    assert len(upstream.requests) == 1


async def test_a_compressed_body_is_decompressed(upstream: Upstream) -> None:
    body = gzip.compress(b'{"items": 3}')
    upstream.handler = lambda exchange: exchange.answer(body, headers={"content-encoding": "gzip"})

    assert await fetch("inventory") == {"items": 3}


async def test_an_endless_body_is_read_no_further_than_allowed(upstream: Upstream) -> None:
    async def endless(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            await exchange.send(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")

    upstream.handler = endless

    assert await reason_of(fetch("inventory")) is Reason.TOO_LARGE


async def test_a_redirect_is_not_followed(upstream: Upstream) -> None:
    upstream.handler = status(302, {"location": "/elsewhere"})

    assert await reason_of(fetch("inventory")) is Reason.STATUS
    assert len(upstream.requests) == 1


async def test_a_redirect_is_followed_where_that_is_declared(
    upstream: Upstream, declare: Declare
) -> None:
    declare("inventory", follow_redirects=True)
    upstream.handler = answers(status(302, {"location": "/elsewhere"}), ok)

    assert await fetch("inventory") == {"items": 3}
    assert upstream.requests[1].startswith("GET /elsewhere ")


# Time


async def test_an_upstream_that_never_answers_times_out(
    upstream: Upstream, declare: Declare
) -> None:
    declare("inventory", timeout=0.1)
    upstream.handler = hang

    assert await reason_of(fetch("inventory")) is Reason.TIMEOUT


async def test_a_body_that_drips_times_out_all_the_same(
    upstream: Upstream, declare: Declare
) -> None:
    declare("inventory", timeout=0.2, read_timeout=0.15)

    async def drip(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while True:
            await exchange.send(b" ")
            await asyncio.sleep(0.02)

    upstream.handler = drip

    assert await reason_of(fetch("inventory")) is Reason.TIMEOUT
    assert len(upstream.requests) == 1


async def test_a_deadline_that_is_earlier_ends_the_call_and_blames_nobody(
    upstream: Upstream, declare: Declare, settings: Settings
) -> None:
    declare("inventory", breaker_failures=1)
    upstream.handler = hang

    with deadline(10), deadline(0.1):
        assert await reason_of(fetch("inventory")) is Reason.DEADLINE

    assert breaker_of(settings.UPSTREAMS["inventory"]).state is State.CLOSED


# Trying again


async def test_silence_is_tried_again_while_there_is_time(
    upstream: Upstream, declare: Declare
) -> None:
    declare("inventory", read_timeout=0.05)
    upstream.handler = answers(hang, ok)

    assert await fetch("inventory") == {"items": 3}


@pytest.mark.parametrize("code", [429, 502, 503, 504])
async def test_a_passing_error_is_tried_again(upstream: Upstream, code: int) -> None:
    upstream.handler = answers(status(code), ok)

    assert await fetch("inventory") == {"items": 3}


@pytest.mark.parametrize("code", [400, 404, 500])
async def test_a_lasting_error_is_not_tried_again(upstream: Upstream, code: int) -> None:
    upstream.handler = status(code)

    assert await reason_of(fetch("inventory")) is Reason.STATUS
    assert len(upstream.requests) == 1


async def test_what_is_not_idempotent_is_not_tried_again(upstream: Upstream) -> None:
    upstream.handler = status(503)

    assert await reason_of(fetch("inventory", method="POST")) is Reason.STATUS
    assert len(upstream.requests) == 1


async def test_a_post_that_only_asks_is_tried_again(upstream: Upstream) -> None:
    upstream.handler = answers(status(503), ok)

    assert await fetch("inventory", method="POST", idempotent=True) == {"items": 3}


async def test_a_broken_connection_is_tried_again_and_then_told(upstream: Upstream) -> None:
    async def reset_in_mid_body(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")
        exchange.reset()

    upstream.handler = reset_in_mid_body

    assert await reason_of(fetch("inventory")) is Reason.CONNECT
    assert len(upstream.requests) == 3


async def test_a_refused_connection_is_told(declare: Declare) -> None:
    declare("inventory", url=f"http://127.0.0.1:{unused_port()}")

    assert await reason_of(fetch("inventory")) is Reason.CONNECT


async def test_a_name_that_does_not_resolve_is_told(declare: Declare) -> None:
    declare("inventory", url="http://nowhere.invalid", retries=0, timeout=30)

    assert await reason_of(fetch("inventory")) is Reason.CONNECT


@pytest.mark.parametrize("wait", ["0", format_datetime(datetime.now(UTC), usegmt=True)])
async def test_retry_after_is_heeded(upstream: Upstream, wait: str) -> None:
    upstream.handler = answers(status(429, {"retry-after": wait}), ok)

    assert await fetch("inventory") == {"items": 3}


@pytest.mark.parametrize(
    "wait", ["3600", format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)]
)
async def test_a_retry_after_beyond_the_end_of_the_call_ends_it_now(
    upstream: Upstream, declare: Declare, wait: str
) -> None:
    declare("inventory", timeout=60)
    upstream.handler = status(503, {"retry-after": wait})

    async with asyncio.timeout(10):
        assert await reason_of(fetch("inventory")) is Reason.STATUS
    assert len(upstream.requests) == 1


async def test_when_time_ends_in_a_pause_the_failure_before_it_is_told(
    upstream: Upstream, declare: Declare
) -> None:
    declare("inventory", timeout=0.3, retries=50)
    upstream.handler = status(503)

    assert await reason_of(fetch("inventory")) is Reason.STATUS


# Leaving it alone


async def test_the_circuit_opens_after_failures_and_closes_after_a_success(
    upstream: Upstream, declare: Declare, settings: Settings
) -> None:
    declare("inventory", retries=0, breaker_failures=2, breaker_recovery=0.1)
    upstream.handler = status(500)

    def state() -> State:
        return breaker_of(settings.UPSTREAMS["inventory"]).state

    for _ in range(2):
        assert await reason_of(fetch("inventory")) is Reason.STATUS
    assert state() is State.OPEN
    assert await reason_of(fetch("inventory")) is Reason.CIRCUIT_OPEN
    assert len(upstream.requests) == 2

    await asyncio.sleep(0.15)
    assert state() is State.HALF_OPEN
    assert await reason_of(fetch("inventory")) is Reason.STATUS
    assert state() is State.OPEN

    await asyncio.sleep(0.15)
    upstream.handler = ok
    assert await fetch("inventory") == {"items": 3}
    assert state() is State.CLOSED


async def test_a_half_open_circuit_lets_one_call_through(
    upstream: Upstream, declare: Declare, settings: Settings
) -> None:
    declare("inventory", retries=0, timeout=0.3, breaker_failures=1, breaker_recovery=0.05)
    upstream.handler = hang
    assert await reason_of(fetch("inventory")) is Reason.TIMEOUT
    await asyncio.sleep(0.1)

    reasons = await asyncio.gather(*[reason_of(fetch("inventory")) for _ in range(5)])

    assert Counter(reasons) == {Reason.TIMEOUT: 1, Reason.CIRCUIT_OPEN: 4}
    assert len(upstream.requests) == 2


async def test_a_cancelled_probe_leaves_its_place_to_another(
    upstream: Upstream, declare: Declare
) -> None:
    declare("inventory", retries=0, breaker_failures=1, breaker_recovery=0.05)
    upstream.handler = answers(status(500), hang, ok)
    await reason_of(fetch("inventory"))
    await asyncio.sleep(0.1)

    await cancelled_once_it_reaches(upstream, 2)

    assert await fetch("inventory") == {"items": 3}


async def test_questions_that_are_wrong_do_not_open_the_circuit(
    upstream: Upstream, declare: Declare, settings: Settings
) -> None:
    declare("inventory", breaker_failures=1)
    upstream.handler = status(404)

    await reason_of(fetch("inventory"))

    assert breaker_of(settings.UPSTREAMS["inventory"]).state is State.CLOSED


async def test_an_open_circuit_is_seen_in_readyz_and_in_the_log(
    upstream: Upstream,
    declare: Declare,
    async_client: AsyncClient,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.READINESS_CHECKS = {}
    declare("inventory", breaker_failures=1)
    upstream.handler = status(500)

    await reason_of(fetch("inventory"))
    response = await async_client.get("/readyz")

    assert response.status_code == 200
    assert response.json()["circuits"]["inventory"] == "open"
    assert "Upstream 'inventory' failed 1 times in a row; its circuit is open" in caplog.text


async def test_a_hundred_callers_of_a_slow_upstream_wait_their_turn(
    upstream: Upstream, declare: Declare
) -> None:
    declare("inventory", concurrency=10, queue=90)

    upstream.handler = ok_after(0.02)

    await asyncio.gather(*[fetch("inventory") for _ in range(100)])

    assert upstream.counts["most"] == 10
    assert upstream.counts["connections"] == 10


async def test_beyond_the_queue_a_call_fails_at_once(upstream: Upstream, declare: Declare) -> None:
    declare("inventory", concurrency=2, queue=3, timeout=0.2)
    upstream.handler = hang

    reasons = await asyncio.gather(*[reason_of(fetch("inventory")) for _ in range(8)])

    assert Counter(reasons) == {Reason.TIMEOUT: 5, Reason.CIRCUIT_OPEN: 3}
    assert len(upstream.requests) <= 5


# Leaving early


async def cancelled_once_it_reaches(upstream: Upstream, requests: int) -> None:
    """Start a call, wait until the upstream has seen so many requests, and cancel it."""
    call = asyncio.ensure_future(fetch("inventory"))
    while len(upstream.requests) < requests:
        await asyncio.sleep(0.005)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"", id="waiting for the answer"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-le", id="in mid-header"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", id="in mid-body"),
    ],
)
async def test_a_cancelled_call_hangs_up(upstream: Upstream, start: bytes) -> None:
    async def begin_and_hang(exchange: Exchange) -> None:
        await exchange.send(start)
        await exchange.until_hung_up()

    upstream.handler = begin_and_hang

    await cancelled_once_it_reaches(upstream, 1)

    await upstream.all_hung_up()


async def test_a_call_cancelled_in_a_pause_makes_no_further_attempt(
    upstream: Upstream, declare: Declare
) -> None:
    declare("inventory", timeout=60)
    upstream.handler = status(503, {"retry-after": "30"})

    await cancelled_once_it_reaches(upstream, 1)

    assert len(upstream.requests) == 1


async def test_a_call_cancelled_in_the_queue_leaves_it(
    upstream: Upstream, declare: Declare
) -> None:
    declare("inventory", concurrency=1, queue=1)
    upstream.handler = answers(hang, ok)
    first = asyncio.ensure_future(fetch("inventory"))
    while not upstream.requests:
        await asyncio.sleep(0.005)
    second = asyncio.ensure_future(fetch("inventory"))
    await asyncio.sleep(0.02)

    second.cancel()
    third = asyncio.ensure_future(fetch("inventory"))
    await asyncio.sleep(0.02)
    first.cancel()

    assert await third == {"items": 3}
    await asyncio.wait([first, second])


# Answers that are kept


async def test_a_fresh_answer_is_given_again_without_asking(upstream: Upstream) -> None:
    upstream.handler = ok

    first = await fetch("inventory", fresh=60)
    first["items"] = "changed by its reader"
    second = await fetch("inventory", fresh=60)

    assert second == {"items": 3}
    assert second.age > 0
    assert second.failure is None
    assert len(upstream.requests) == 1


async def test_a_stale_answer_stands_in_for_one_that_fails(upstream: Upstream) -> None:
    upstream.handler = answers(ok, status(500))

    await fetch("inventory", stale=60)
    answer = await fetch("inventory", stale=60)

    assert answer == {"items": 3}
    assert answer.age > 0
    assert answer.failure
    assert answer.failure.reason is Reason.STATUS


async def test_an_answer_that_is_too_old_does_not(upstream: Upstream) -> None:
    upstream.handler = answers(ok, status(500))

    await fetch("inventory", stale=60)
    await asyncio.sleep(0.02)

    assert await reason_of(fetch("inventory", stale=0.01)) is Reason.STATUS


async def test_other_questions_have_answers_of_their_own(upstream: Upstream) -> None:
    async def echo(exchange: Exchange) -> None:
        await exchange.answer(json.dumps({"asked": exchange.head.split()[1]}).encode())

    upstream.handler = echo

    pages = [await fetch("inventory", params={"page": page}, fresh=60) for page in "12"]

    assert [page["asked"] for page in pages] == ["/inventory?page=1", "/inventory?page=2"]


async def test_those_who_ask_at_the_same_time_share_one_call(upstream: Upstream) -> None:
    upstream.handler = ok_after(0.05)

    answers = await asyncio.gather(*[fetch("inventory", fresh=0) for _ in range(50)])

    assert answers == [{"items": 3}] * 50
    assert len(upstream.requests) == 1


async def test_one_who_leaves_does_not_take_the_answer_from_the_others(
    upstream: Upstream,
) -> None:
    upstream.handler = ok_after(0.1)
    first = asyncio.ensure_future(fetch("inventory", fresh=0))
    await asyncio.sleep(0.02)
    second = asyncio.ensure_future(fetch("inventory", fresh=0))
    await asyncio.sleep(0.02)

    first.cancel()

    assert await second == {"items": 3}
    assert len(upstream.requests) == 1


async def test_the_last_one_who_leaves_ends_the_call(upstream: Upstream) -> None:
    upstream.handler = hang
    calls = [asyncio.ensure_future(fetch("inventory", fresh=0)) for _ in range(3)]
    while not upstream.requests:
        await asyncio.sleep(0.005)

    for call in calls:
        call.cancel()

    await asyncio.wait(calls)
    await upstream.all_hung_up()


async def test_a_deadline_ends_the_wait_for_a_shared_call_not_the_call(
    upstream: Upstream,
) -> None:
    upstream.handler = ok_after(0.1)

    async def hurried() -> Reason:
        with deadline(0.03):
            return await reason_of(fetch("inventory", fresh=0))

    reason, answer = await asyncio.gather(hurried(), fetch("inventory", fresh=0))

    assert reason is Reason.DEADLINE
    assert answer == {"items": 3}
    assert len(upstream.requests) == 1


async def test_only_the_answers_to_get_are_kept() -> None:
    with pytest.raises(ValueError, match="Only the answers to GET"):
        await fetch("inventory", method="POST", fresh=1)


async def test_the_dashboard_says_how_old_a_stale_part_is(
    upstream: Upstream, async_client: AsyncClient, settings: Settings
) -> None:
    settings.DASHBOARD_STALE = 60
    upstream.handler = answers(ok, status(500))

    await async_client.get("/api/dashboard/")
    answer = (await async_client.get("/api/dashboard/")).json()
    page = (await async_client.get("/")).content.decode()

    assert answer["data"]["inventory"] == {"items": 3}
    assert answer["stale"]["inventory"]["reason"] == "status"
    assert answer["stale"]["inventory"]["age_seconds"] >= 0
    assert 'class="tile stale" id="tile-inventory"' in page


# Testing without a server


async def test_a_mock_transport_takes_the_place_of_the_network(settings: Settings) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"asked": request.url.path})

    settings.UPSTREAM_TRANSPORT = lambda: httpx.MockTransport(answer)

    assert await fetch("inventory") == {"asked": "/inventory"}
    await connections.close()


# What is declared


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"url": "inventory:8001"}, "must start with http:// or https://"),
        ({"url": "https://:80"}, "must start with http:// or https:// and name a host"),
        ({"url": "https://inventory:port"}, "cannot be read"),
        ({"url": "https://inventory/?page=1"}, "must have no query"),
        ({"url": "https://user:password@inventory/"}, "must not hold a password"),
        ({"path": "inventory"}, "must start with a slash"),
        ({"authorization": "Bearer x\r\nHost: y"}, "must be one line"),
        ({"timeout": 0}, "timeout must be a number of seconds above 0"),
        ({"read_timeout": float("inf")}, "read_timeout must be a number of seconds above 0"),
        ({"retries": -1}, "retries must be 0 or more"),
        ({"concurrency": 0}, "concurrency must be 1 or more"),
        ({"max_bytes": 0}, "max_bytes must be 1 or more"),
    ],
)
def test_a_declaration_that_cannot_work_is_told(
    declare: Declare, settings: Settings, fields: dict[str, Any], problem: str
) -> None:
    declare("inventory", **fields)

    problems = list(settings.UPSTREAMS["inventory"].problems())

    assert len(problems) == 1
    assert problem in problems[0]
