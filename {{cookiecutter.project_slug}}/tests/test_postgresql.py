"""PostgreSQL behind a pool: limits, sizes that fit the server, and a clean end."""

import asyncio
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from asgiref.sync import sync_to_async
from conftest import running
from django.core.checks import run_checks
from django.db import OperationalError, connection, connections
from django.db.backends.postgresql.base import DatabaseWrapper
from pytest_django import Settings

from core.postgresql.pools import pools

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="DATABASE_URL names another one"),
]


def value_of(query: str, *parameters: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        [value] = cursor.fetchone()
        return value


def connections_of(application: str) -> int:
    """Return how many connections the server has from processes of this name."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
    count: int = value_of(query, application)
    return count


@pytest.fixture
def small_service(stubs_url: str) -> Iterator[str]:
    """The address of the service with a pool of 3 connections, known to the server as `small`."""
    server = urlsplit(os.environ["DATABASE_URL"])
    environment = {
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        # The tests' own: the one that the variable names may not be there yet.
        "DATABASE_URL": server._replace(path=f"/{connection.settings_dict['NAME']}").geturl(),
        "DATABASE_POOL_SIZE": "3",
        "PGAPPNAME": "small",
    }
    with running("config.asgi:application", environment) as url:
        yield url


def test_a_statement_and_a_wait_for_a_lock_come_to_an_end() -> None:
    assert value_of("SHOW statement_timeout") == "30s"
    assert value_of("SHOW lock_timeout") == "10s"


async def test_many_requests_share_the_few_connections_of_the_pool(small_service: str) -> None:
    answered = asyncio.Event()

    async def most_connections() -> int:
        most = 0
        while not answered.is_set():
            most = max(most, await sync_to_async(connections_of)("small"))
        return most

    watch = asyncio.ensure_future(most_connections())
    async with httpx.AsyncClient(base_url=small_service, timeout=30) as client:
        answers = await asyncio.gather(*[client.get("/api/orders/stats/") for _ in range(64)])
    answered.set()

    assert {answer.status_code for answer in answers} == {200}
    assert 1 <= await watch <= 3


async def test_the_pool_is_closed_with_the_lifespan() -> None:
    await pools.get()
    await sync_to_async(value_of)("SELECT 1")
    pool = connections["default"].pool  # type: ignore[attr-defined]

    await pools.close()

    assert pool.closed


def test_pools_that_fit_the_server_are_no_problem(settings: Settings) -> None:
    settings.WORKERS = 2

    assert run_checks(databases=["default"]) == []


def test_pools_that_do_not_fit_the_server_are_told_with_the_numbers(settings: Settings) -> None:
    settings.WORKERS = 1000

    [warning] = run_checks(databases=["default"])

    assert warning.id == "core.W002"
    assert "1000 workers with a pool of 10 may take 10000" in warning.msg


async def test_pools_that_do_not_fit_the_server_are_told_at_start(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.WORKERS = 1000

    await pools.get()
    await pools.close()

    assert "1000 workers with a pool of 10 may take 10000" in caplog.text


async def test_a_service_whose_database_is_away_starts_all_the_same(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*arguments: object) -> None:
        raise OperationalError

    monkeypatch.setattr(DatabaseWrapper, "cursor", away)

    await pools.get()
    await pools.close()

    assert "The server of database 'default' does not answer" in caplog.text
