"""A project as production runs it: its command, its environment, what a proxy sends it, and load."""

import asyncio
import shlex
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from conftest import Project, unused_port

# As a proxy that ends TLS would send them.
HEADERS = {"host": "service.example.com", "x-forwarded-proto": "https"}
GRACE_PERIOD = 30
"""Seconds after which Kubernetes kills."""
CALLERS = 8
PAUSE = 0.03
"""Seconds from an answer to the caller's next call, which leave time for servers to start."""
STREAMS = 100


def prepare(project: Project, more: dict[str, str]) -> dict[str, str]:
    """Return the environment of production; static files are there, the database is migrated."""
    database = project.path / "production.sqlite3"
    environment = {
        "DJANGO_SETTINGS_MODULE": "config.settings.production",
        "DJANGO_SECRET_KEY": "only-for-this-test-" * 3,
        "DJANGO_ALLOWED_HOSTS": "service.example.com",
        "DATABASE_URL": f"sqlite:///{database}",
        "PORT": str(unused_port()),
        **more,
    }
    if database.exists():  # another test did it
        return environment
    for command in (["collectstatic", "--no-input"], ["migrate", "--verbosity", "0"]):
        done = project.run("manage.py", *command, **environment)
        assert done.returncode == 0, done.stdout
    return environment


def serve_command(project: Project, recipe: str = "serve") -> list[str]:
    """Return what `just serve` runs: just itself, when signalled, does not end with its exit code."""
    _exec, *command = shlex.split(project.run("just", "--dry-run", recipe).stdout)
    return command


def wait_until(reached: Callable[[], bool], patience: float = GRACE_PERIOD) -> None:
    """Wait until something is reached; fail after that many seconds without it."""
    give_up = time.monotonic() + patience
    while not reached():
        assert time.monotonic() < give_up
        time.sleep(0.05)


@dataclass
class Load:
    """Calls over connections that are kept, and open streams, none of which may fail.

    Attributes:
        url: where the service is.
        tls: what its certificate is checked with.
    """

    url: str = ""
    tls: ssl.SSLContext | None = None
    answered: int = 0
    streams_ended: int = 0
    open_streams: int = 0
    failures: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send load from another thread until the block ends."""
        thread = threading.Thread(target=asyncio.run, args=(self._run(),))
        thread.start()
        try:
            yield
        finally:
            self.over.set()
            thread.join()

    async def target(self) -> str:
        """Return where the next call goes."""
        return self.url

    def beside(self, client: httpx.AsyncClient) -> list[Coroutine[Any, Any, None]]:
        """Return what has to go on at the same time."""
        return []

    async def _run(self) -> None:
        # Without a certificate to check there is none to load, for every client anew.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        async with (
            httpx.AsyncClient(
                verify=self.tls or False, headers=HEADERS, timeout=GRACE_PERIOD, limits=limits
            ) as client,
            asyncio.TaskGroup() as group,
        ):
            work = [self._call(client) for _ in range(CALLERS)]
            work += [self._listen(client) for _ in range(STREAMS)]
            tasks = [group.create_task(each) for each in [*work, *self.beside(client)]]
            await asyncio.to_thread(self.over.wait)
            for task in tasks:
                task.cancel()

    async def _call(self, client: httpx.AsyncClient) -> None:
        while True:
            target = await self.target()
            try:
                response = await client.get(f"{target}/api/dashboard/")
                assert response.status_code == 200, response.text
                assert response.json()["errors"] == {}, response.text
            except (httpx.TransportError, AssertionError) as error:
                self.failures.append(f"{target}: {error!r}")
            self.answered += 1
            await asyncio.sleep(PAUSE)

    async def _listen(self, client: httpx.AsyncClient) -> None:
        while True:
            target = await self.target()
            last = ""
            try:
                async with client.stream("GET", f"{target}/events/news/") as stream:
                    assert stream.status_code == 200, stream
                    self.open_streams += 1
                    async for line in stream.aiter_lines():
                        last = line or last
                assert last.startswith("retry: "), last
            except (httpx.TransportError, AssertionError) as error:
                self.failures.append(f"stream of {target}: {error!r}")
            self.open_streams -= 1
            self.streams_ended += 1
