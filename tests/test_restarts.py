"""A new release goes out, one instance after the other, under load, and nobody notices."""

import asyncio
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from answers import CHOICES, Answers
from conftest import Project, unused_port
from production import HEADERS, prepare, serve_command

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="Gunicorn and SIGTERM need a POSIX system"),
]

STREAMS = 100
CALLERS = 8
SHUTDOWN_DELAY = 2.0
"""Seconds, and the proxy asks for readiness twenty times in them."""
GRACE_PERIOD = 30
"""Seconds after which Kubernetes kills."""


@pytest.fixture(params=CHOICES["server"])
def project(install: Callable[[Answers], Project], request: pytest.FixtureRequest) -> Project:
    return install({"server": request.param})


@pytest.fixture
def production(upstream_urls: dict[str, str], project: Project) -> dict[str, str]:
    environment = {
        "SHUTDOWN_DELAY": str(SHUTDOWN_DELAY),
        "WEB_CONCURRENCY": "2",
        "EVENTS_PUBLIC_TOPICS": "news",
        "EVENTS_MAX_LISTENERS_PER_CLIENT": "1000",
    }
    return prepare(project, upstream_urls | environment)


def client_of(port: int) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers=HEADERS, timeout=GRACE_PERIOD
    )


@dataclass
class Proxy:
    """Sends load to the instances that say they are ready, over connections that it keeps open.

    Unlike most proxies it never tries anything a second time.
    """

    ports: list[int]
    ready: set[int] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    answered: int = 0
    streams_ended: int = 0
    open_streams: int = 0
    failures: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def under_load(self) -> Iterator[None]:
        """Send load from another thread until the block ends."""
        thread = threading.Thread(target=asyncio.run, args=(self._run(),))
        thread.start()
        try:
            yield
        finally:
            self.over.set()
            thread.join()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._ask_for_readiness(port)) for port in self.ports]
            tasks += [group.create_task(self._call()) for _ in range(CALLERS)]
            tasks += [group.create_task(self._listen()) for _ in range(STREAMS)]
            await asyncio.to_thread(self.over.wait)
            for task in tasks:
                task.cancel()

    async def _ask_for_readiness(self, port: int) -> None:
        async with client_of(port) as client:
            while True:
                try:
                    response = await client.get("/readyz")
                    self.seen.add(response.json()["status"])
                    is_ready = response.status_code == 200
                except httpx.TransportError:
                    is_ready = False
                (self.ready.add if is_ready else self.ready.discard)(port)
                await asyncio.sleep(SHUTDOWN_DELAY / 20)

    async def _one_that_is_ready(self) -> int:
        while not self.ready:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return random.choice(list(self.ready))  # noqa: S311

    async def _call(self) -> None:
        async with AsyncExitStack() as stack:
            clients = {
                port: await stack.enter_async_context(client_of(port)) for port in self.ports
            }
            while True:
                port = await self._one_that_is_ready()
                try:
                    response = await clients[port].get("/api/dashboard/")
                    assert response.status_code == 200, response.text
                    assert response.json()["errors"] == {}, response.text
                except (httpx.TransportError, AssertionError) as error:
                    self.failures.append(f"{port}: {error!r}")
                self.answered += 1

    async def _listen(self) -> None:
        while True:
            port = await self._one_that_is_ready()
            last = ""
            try:
                async with (
                    client_of(port) as client,
                    client.stream("GET", "/events/news/") as stream,
                ):
                    assert stream.status_code == 200, stream
                    self.open_streams += 1
                    async for line in stream.aiter_lines():
                        last = line or last
                assert last.startswith("retry: "), last
            except (httpx.TransportError, AssertionError) as error:
                self.failures.append(f"stream of {port}: {error!r}")
            self.open_streams -= 1
            self.streams_ended += 1


def test_a_rolling_restart_under_load_loses_no_request_and_ends_every_stream(
    project: Project, production: dict[str, str]
) -> None:
    command = serve_command(project)
    ports = [unused_port(), unused_port()]
    proxy = Proxy(ports)
    with ExitStack() as running:

        def start(port: int) -> subprocess.Popen[bytes]:
            environment = production | {"PORT": str(port)}
            return running.enter_context(project.serving(port, *command, **environment))

        servers = {port: start(port) for port in ports}
        running.enter_context(proxy.under_load())
        for port in ports:
            wait_until(lambda: proxy.ready == set(ports) and proxy.open_streams == STREAMS)
            servers[port].send_signal(signal.SIGTERM)

            assert servers[port].wait(timeout=GRACE_PERIOD) == 0
            servers[port] = start(port)
        wait_until(lambda: proxy.ready == set(ports) and proxy.open_streams == STREAMS)

    assert proxy.failures == []
    assert "draining" in proxy.seen
    assert proxy.answered > 100
    assert proxy.streams_ended > STREAMS / 2


def wait_until(reached: Callable[[], bool]) -> None:
    give_up = time.monotonic() + GRACE_PERIOD
    while not reached():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def test_requests_are_taken_until_the_delay_is_over(
    project: Project, production: dict[str, str]
) -> None:
    port = int(production["PORT"])
    environment = production | {"SHUTDOWN_DELAY": "6", "WEB_CONCURRENCY": "1"}

    def get(path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{port}{path}", headers=HEADERS)

    with project.serving(port, *serve_command(project), **environment) as server:
        assert get("/readyz").status_code == 200
        server.send_signal(signal.SIGTERM)
        wait_until(lambda: get("/readyz").json()["status"] == "draining")
        for _ in range(30):  # longer than any server takes that ends at once
            response = get("/api/orders/stats/")
            assert response.status_code == 200
            assert response.headers["connection"] == "close"
            time.sleep(0.1)

        assert server.wait(timeout=GRACE_PERIOD) == 0


def test_a_signal_is_not_lost_on_workers_that_still_start(
    project: Project, production: dict[str, str]
) -> None:
    port = int(production["PORT"])

    # Gunicorn and Uvicorn listen before their workers are there.
    with project.serving(port, *serve_command(project), **production) as server:
        server.send_signal(signal.SIGTERM)

        assert server.wait(timeout=GRACE_PERIOD / 3) == 0
