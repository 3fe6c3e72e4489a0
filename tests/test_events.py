"""Events across processes: every listener gets each of them once and in order."""

import asyncio
import json
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest
from answers import Answers
from conftest import UV, Project, redis_server, unused_port
from playwright.sync_api import expect, sync_playwright

pytestmark = pytest.mark.slow

PATIENCE = 60.0
"""Seconds after which a test fails that waits for what does not come."""
LISTENERS = 200
PUBLISHERS = 3
EVENTS = 100
"""How many each of them publishes."""

PUBLISH = """
from apps.events.services import publish_sync
for number in range({count}):
    publish_sync("{topic}", "number", ["{publisher}", number])
"""


@dataclass(frozen=True)
class Service:
    """A project whose processes share their events through `EVENTS_URL`."""

    project: Project
    environment: dict[str, str]
    topic: str

    @contextmanager
    def server(self, port: int | None = None) -> Iterator[str]:
        """Run one server process and yield its address."""
        port = port or unused_port()
        command = ["uvicorn", "config.asgi:application", "--port", str(port)]
        options = ["--workers", "1", "--log-level", "warning"]
        with self.project.serving(port, *command, *options, **self.environment):
            yield f"http://127.0.0.1:{port}"

    def publish(self, publisher: str, count: int) -> subprocess.Popen[bytes]:
        """Publish from a process of its own."""
        code = PUBLISH.format(topic=self.topic, publisher=publisher, count=count)
        return subprocess.Popen(
            [UV, "run", "--no-sync", "manage.py", "shell", "--verbosity", "0", "--command", code],
            cwd=self.project.path,
            env=self.project.environment | self.environment,
        )


def service_on(install: Callable[[Answers], Project], answers: Answers, events_url: str) -> Service:
    topic = f"test-{uuid.uuid4()}"
    project = install(answers)
    environment = {
        "EVENTS_URL": events_url,
        "EVENTS_PUBLIC_TOPICS": f"{topic},dashboard",
        "EVENTS_MAX_LISTENERS_PER_CLIENT": "1000",
        "DJANGO_DEBUG": "false",
    }
    done = project.run("manage.py", "migrate", "--verbosity", "0", **environment)
    assert done.returncode == 0, done.stdout
    return Service(project, environment, topic)


@pytest.fixture(params=["SQLite", "PostgreSQL", "Redis"])
def service(
    install: Callable[[Answers], Project], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Service]:
    if request.param == "PostgreSQL":
        yield service_on(install, {"database": "postgresql"}, "database://")
    elif request.param == "Redis":
        port = unused_port()
        with redis_server(port, tmp_path):
            yield service_on(install, {}, f"redis://127.0.0.1:{port}")
    else:
        yield service_on(install, {}, "database://")


class Listener:
    """A client that comes back when its stream ends, as a browser does."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url
        self._last_event_id = ""
        self.opened = asyncio.Event()
        self.heard: list[tuple[int, str]] = []
        """Id and data of each event."""

    async def listen(self, until: int) -> None:
        while len(self.heard) < until:
            headers = {"Last-Event-ID": self._last_event_id} if self._last_event_id else {}
            try:
                async with self._client.stream("GET", self._url, headers=headers) as response:
                    assert response.status_code == 200
                    await self._read(response, until)
            except httpx.TransportError:
                await asyncio.sleep(0.1)

    async def _read(self, response: httpx.Response, until: int) -> None:
        async for line in response.aiter_lines():
            name, _, value = line.partition(": ")
            if name == "id":
                self._last_event_id = value
                self.opened.set()
            elif name == "data":
                self.heard.append((int(self._last_event_id), value))
                if len(self.heard) == until:
                    return


def assert_complete(listeners: list[Listener], publishers: int, count: int) -> None:
    """Everybody heard the same: all of it, once, each publisher's in its order."""
    heard = listeners[0].heard
    ids = [event_id for event_id, _ in heard]
    assert ids == sorted(set(ids))
    data = [json.loads(text) for _, text in heard]
    for publisher in range(publishers):
        numbers = [number for name, number in data if name == str(publisher)]
        assert numbers == list(range(count))
    assert all(listener.heard == heard for listener in listeners)


async def listen_while_publishing(
    service: Service, urls: list[str], publishers: int, listeners: int
) -> list[Listener]:
    every = publishers * EVENTS
    limits = httpx.Limits(max_connections=None)
    async with (
        asyncio.timeout(PATIENCE),
        httpx.AsyncClient(timeout=PATIENCE, limits=limits, trust_env=False) as client,
        asyncio.TaskGroup() as group,
    ):
        all_of_them = [
            Listener(client, f"{urls[number % len(urls)]}/events/{service.topic}/")
            for number in range(listeners)
        ]
        for listener in all_of_them:
            group.create_task(listener.listen(every))
        for listener in all_of_them:
            await listener.opened.wait()
        processes = [service.publish(str(number), EVENTS) for number in range(publishers)]
    assert [process.wait() for process in processes] == [0] * publishers
    return all_of_them


def test_two_processes_bring_each_event_once_and_in_order_to_200_listeners(
    service: Service,
) -> None:
    with service.server() as first, service.server() as second:
        listeners = asyncio.run(
            listen_while_publishing(service, [first, second], PUBLISHERS, LISTENERS)
        )

    assert_complete(listeners, PUBLISHERS, EVENTS)


def test_a_server_that_restarts_while_events_come_loses_none(service: Service) -> None:
    port = unused_port()

    async def restart_meanwhile() -> list[Listener]:
        with ExitStack() as first:
            url = first.enter_context(service.server(port))
            listening = asyncio.ensure_future(listen_while_publishing(service, [url], 1, 10))
            await asyncio.sleep(2)  # in the middle of it, most likely
            await asyncio.to_thread(first.close)
        with service.server(port):
            return await listening

    assert_complete(asyncio.run(restart_meanwhile()), 1, EVENTS)


async def listen_through(service: Service, url: str, interrupt: Callable[[], object]) -> None:
    """Hear events on one stream before and after the engine was interrupted."""
    async with (
        asyncio.timeout(PATIENCE),
        httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as client,
        client.stream("GET", f"{url}/events/{service.topic}/") as response,
    ):
        lines = response.aiter_lines()
        await anext(lines)
        for publisher in ("before", "after"):
            assert await asyncio.to_thread(service.publish(publisher, 5).wait) == 0
            heard: list[object] = []
            while len(heard) < 5:
                name, _, value = (await anext(lines)).partition(": ")
                if name == "data":
                    heard.append(json.loads(value))
            assert heard == [[publisher, number] for number in range(5)]
            await asyncio.to_thread(interrupt)


@pytest.mark.skipif(sys.platform == "win32", reason="Redis needs a POSIX system")
def test_a_redis_that_is_killed_and_comes_back_does_not_end_streams(
    install: Callable[[Answers], Project], tmp_path: Path
) -> None:
    port = unused_port()
    service = service_on(install, {}, f"redis://127.0.0.1:{port}")
    with ExitStack() as redis:

        def restart() -> None:
            redis.close()
            redis.enter_context(redis_server(port, tmp_path))

        restart()
        with service.server() as url:
            asyncio.run(listen_through(service, url, restart))


def test_a_database_that_drops_its_connections_does_not_end_streams(
    install: Callable[[Answers], Project],
) -> None:
    service = service_on(install, {"database": "postgresql"}, "database://")

    def drop_connections() -> None:
        with psycopg.connect(service.project.environment["DATABASE_URL"]) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid != pg_backend_pid()"
            )

    with service.server() as url:
        asyncio.run(listen_through(service, url, drop_connections))


@pytest.mark.browser
def test_a_browser_comes_back_after_a_restart_and_misses_nothing(
    install: Callable[[Answers], Project], upstream_urls: dict[str, str], chromium: str
) -> None:
    service = service_on(install, {}, "database://")
    service.environment.update(upstream_urls)
    port = unused_port()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-background-networking", "--disable-sync"],
        )
        # To look at what was heard, Playwright evaluates text, which the page's policy forbids.
        page = browser.new_context(bypass_csp=True).new_page()
        connection = page.locator(".connection")
        with service.server(port) as url:
            page.goto(url)
            expect(connection).to_have_text("Live")
            page.evaluate(
                """topic => {
                    window.heard = [];
                    const source = new EventSource(`/events/${topic}/`);
                    source.addEventListener("number", event => heard.push(JSON.parse(event.data)));
                    return new Promise(resolve => source.addEventListener("open", resolve));
                }""",
                service.topic,
            )
        expect(connection).to_have_text("Reconnecting")
        assert service.publish("while it was away", 3).wait() == 0
        with service.server(port):
            expect(connection).to_have_text("Live", timeout=20_000)
            assert service.publish("when it was back", 3).wait() == 0
            page.wait_for_function("heard.length >= 6", timeout=20_000)
        heard = page.evaluate("heard")
        browser.close()

    assert heard == [
        [publisher, number]
        for publisher in ("while it was away", "when it was back")
        for number in range(3)
    ]
