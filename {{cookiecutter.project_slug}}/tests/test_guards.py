"""The well-known mistakes of async Django are caught, by the linter and by the tests themselves."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from blockbuster import BlockingError
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client
from django.urls import path
from guards import QueryPerRowError

from apps.accounts.models import User

PROJECT = Path(__file__).parent.parent

# What the linter says


@pytest.mark.parametrize(
    ("code", "rule", "instead"),
    [
        ("import requests\n\nrequests.get\n", "TID251", "await fetch("),
        ("from urllib.request import urlopen\n\nurlopen\n", "TID251", "await fetch("),
        ("import boto3\n\nboto3.client\n", "TID251", "aioboto3"),
        ("import time\n\ntime.sleep(1)\n", "TID251", "await asyncio.sleep("),
        (
            "async def read() -> str:\n    with open('stock.csv') as file:\n"
            "        return file.read()\n",
            "ASYNC230",
            "blocking",
        ),
        (
            "import subprocess\n\n\nasync def run() -> None:\n    subprocess.run('ls')\n",
            "ASYNC221",
            "blocking",
        ),
    ],
)
def test_the_linter_refuses_what_blocks(code: str, rule: str, instead: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--stdin-filename", "apps/stock/services.py", "-"],
        cwd=PROJECT,
        input=code,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )

    assert done.returncode == 1
    assert rule in done.stdout
    assert instead in done.stdout


# What the tests notice


def sleep() -> None:
    time.sleep(0.01)


def read_a_file() -> None:
    Path(__file__).read_bytes()


@pytest.mark.parametrize("blocking", [sleep, read_a_file])
async def test_a_blocked_event_loop_fails_a_test(blocking: Callable[[], None]) -> None:
    with pytest.raises(BlockingError):
        blocking()


@pytest.mark.parametrize("blocking", [sleep, read_a_file])
async def test_a_thread_may_block(blocking: Callable[[], None]) -> None:
    await asyncio.to_thread(blocking)


async def query_per_row(request: HttpRequest) -> HttpResponse:
    for row in range(5):
        await User.objects.filter(pk=row).acount()
    return HttpResponse()


def sync_query_per_row(request: HttpRequest) -> HttpResponse:
    for row in range(5):
        User.objects.filter(pk=row).first()
    return HttpResponse()


async def one_query_for_all(request: HttpRequest) -> HttpResponse:
    return HttpResponse([user.username async for user in User.objects.filter(pk__in=range(5))])


urlpatterns = [
    path("per-row/", query_per_row),
    path("sync-per-row/", sync_query_per_row),
    path("for-all/", one_query_for_all),
]


@pytest.mark.urls(__name__)
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("address", ["/per-row/", "/sync-per-row/"])
async def test_a_query_per_row_fails_a_test(async_client: AsyncClient, address: str) -> None:
    with pytest.raises(QueryPerRowError, match=r"SELECT .* FROM .*accounts_user"):
        await async_client.get(address)


@pytest.mark.urls(__name__)
@pytest.mark.django_db
def test_a_query_per_row_is_seen_without_an_event_loop_too(client: Client) -> None:
    with pytest.raises(QueryPerRowError):
        client.get("/sync-per-row/")


@pytest.mark.urls(__name__)
@pytest.mark.django_db(transaction=True)
async def test_one_query_for_all_rows_passes_in_each_request(async_client: AsyncClient) -> None:
    for _ in range(5):
        response = await async_client.get("/for-all/")

        assert response.status_code == 200
