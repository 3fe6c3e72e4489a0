"""What the tests share: the stub upstreams, and the service itself, as real servers."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.utils.formats import get_format_modules
from guards import no_blocking_call, no_query_per_row
from pytest_django import Settings

START_TIMEOUT = 20.0
"""Seconds that a server may take to start."""


class Stubs:
    """The stub upstreams, to be told how to behave."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._told: set[str] = set()

    async def tell(self, name: str, **behaviour: Any) -> None:
        """Have a stub behave as `stubs.app.Behaviour` describes, until the test is over."""
        self._told.add(name)
        response = await self._client.put(f"/_control/{name}", json=behaviour)
        response.raise_for_status()

    async def state(self, name: str) -> dict[str, Any]:
        """Return what a stub was told and has seen."""
        response = await self._client.get("/_control")
        state: dict[str, Any] = response.json()[name]
        return state

    async def reset(self) -> None:
        for name in list(self._told):
            await self.tell(name)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Close what async tests opened: their queries ran on a thread that outlives them.

    An open connection would keep the test database from being dropped.
    """
    yield
    asyncio.run(sync_to_async(connections.close_all)())


@pytest.fixture(autouse=True)
def the_event_loop_is_never_blocked() -> Iterator[None]:
    get_format_modules()  # reads files once in a process, and this test may be the first
    with no_blocking_call():
        yield


@pytest.fixture(autouse=True)
def no_request_makes_a_query_per_row(settings: Settings) -> Iterator[None]:
    settings.MIDDLEWARE = ["guards.count_queries", *settings.MIDDLEWARE]
    with no_query_per_row():
        yield


@pytest.fixture(scope="session")
def stubs_url() -> Iterator[str]:
    """The address of the running stubs."""
    with running("stubs.app:application") as url:
        yield url


@pytest.fixture
async def stubs(stubs_url: str) -> AsyncGenerator[Stubs]:
    async with httpx.AsyncClient(base_url=stubs_url) as client:
        stubs = Stubs(client)
        yield stubs
        await stubs.reset()


@pytest.fixture(autouse=True)
def upstreams_are_stubs(stubs_url: str, settings: Settings) -> None:
    settings.UPSTREAMS = {
        name: replace(upstream, url=stubs_url) for name, upstream in settings.UPSTREAMS.items()
    }


@pytest.fixture
def declare(settings: Settings) -> Callable[..., None]:
    """Change an upstream's declaration for one test: `declare("analytics", timeout=0.1)`."""

    def change(name: str, **fields: Any) -> None:
        changed = replace(settings.UPSTREAMS[name], **fields)
        settings.UPSTREAMS = settings.UPSTREAMS | {name: changed}

    return change


@pytest.fixture(scope="session")
def service_url(stubs_url: str) -> Iterator[str]:
    """The address of the running service, for what an in-process client cannot show."""
    environment = {
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        **{
            f"UPSTREAM_{name}_URL": stubs_url
            for name in ("INVENTORY", "NOTIFICATIONS", "ANALYTICS", "USERS", "BILLING", "AUTH")
        },
    }
    with running("config.asgi:application", environment) as url:
        yield url


@contextmanager
def running(application: str, environment: dict[str, str] | None = None) -> Iterator[str]:
    """Serve an ASGI application in a process of its own and yield its address."""
    port = unused_port()
    command = [sys.executable, "-m", "uvicorn", application, "--workers", "1"]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--log-level", "warning"],
        cwd=Path(__file__).parent.parent,
        env=os.environ | (environment or {}),
    )
    try:
        wait_for(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def unused_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < give_up:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"No server on port {port}; its output says why.")
