"""A new release goes out, one instance after the other, under load, and nobody notices."""

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from answers import CHOICES, Answers
from conftest import Project, unused_port
from production import GRACE_PERIOD, HEADERS, STREAMS, Load, prepare, serve_command, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="Gunicorn and SIGTERM need a POSIX system"),
]

SHUTDOWN_DELAY = 2.0
"""Seconds, and the proxy asks for readiness twenty times in them."""


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


@dataclass
class Proxy(Load):
    """Sends load to the instances that say they are ready.

    Unlike most proxies it never tries anything a second time.
    """

    ports: list[int] = field(default_factory=list)
    ready: set[int] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)

    async def target(self) -> str:
        while not self.ready:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return f"http://127.0.0.1:{random.choice(list(self.ready))}"  # noqa: S311

    def beside(self, client: httpx.AsyncClient) -> list[Coroutine[Any, Any, None]]:
        return [self._ask_for_readiness(port, client) for port in self.ports]

    async def _ask_for_readiness(self, port: int, client: httpx.AsyncClient) -> None:
        while True:
            try:
                response = await client.get(f"http://127.0.0.1:{port}/readyz")
                self.seen.add(response.json()["status"])
                is_ready = response.status_code == 200
            except httpx.TransportError:
                is_ready = False
            (self.ready.add if is_ready else self.ready.discard)(port)
            await asyncio.sleep(SHUTDOWN_DELAY / 20)


def test_a_rolling_restart_under_load_loses_no_request_and_ends_every_stream(
    project: Project, production: dict[str, str]
) -> None:
    command = serve_command(project)
    ports = [unused_port(), unused_port()]
    proxy = Proxy(ports=ports)
    with ExitStack() as running:

        def start(port: int) -> subprocess.Popen[bytes]:
            environment = production | {"PORT": str(port)}
            return running.enter_context(project.serving(port, *command, **environment))

        servers = {port: start(port) for port in ports}
        running.enter_context(proxy.running())
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
