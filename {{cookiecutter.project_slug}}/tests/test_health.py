"""The probes that whatever runs the service asks."""

import asyncio
import json
import threading
import time

import pytest
from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import AsyncClient, AsyncRequestFactory, Client
from pytest_django import Settings

from core import health


async def test_livez_answers_without_any_io(async_client: AsyncClient) -> None:
    response = await async_client.get("/livez")

    assert response.status_code == 200
    assert response.json() == {"status": "live"}


async def test_probes_need_neither_a_known_host_nor_tls(
    async_client: AsyncClient, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["service.example.com"]
    settings.SECURE_SSL_REDIRECT = True

    response = await async_client.get("/livez", headers={"Host": "10.0.0.7:8000"})

    assert response.status_code == 200


def test_probes_are_answered_under_wsgi_too(client: Client) -> None:
    assert client.get("/livez").status_code == 200


@pytest.mark.django_db(transaction=True)
async def test_readyz_asks_the_database(async_client: AsyncClient) -> None:
    response = await async_client.get("/readyz")

    assert response.status_code == 200
    assert response.json()["status"] == "ready"
    assert response.json()["checks"]["database"] == "ok"
    assert set(response.json()["circuits"].values()) == {"closed"}


async def test_readyz_is_unavailable_without_the_database(
    async_client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_database(*arguments: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(BaseDatabaseWrapper, "cursor", no_database)

    response = await async_client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["status"] == "not ready"
    assert response.json()["checks"]["database"] == "failed"


async def hangs() -> str:
    await asyncio.Event().wait()
    return "ok"


async def breaks() -> str:
    raise OSError("nobody thought of this")


async def test_readyz_asks_all_at_once_and_for_a_limited_time(
    async_client: AsyncClient,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(health, "CHECK_TIMEOUT", 0.1)
    settings.READINESS_CHECKS = {
        "broker": f"{__name__}.hangs",
        "search": f"{__name__}.breaks",
    }

    response = await async_client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["checks"] == {"broker": "timeout", "search": "failed"}
    assert "nobody thought of this" in caplog.text


asked: list[float] = []


def is_slow() -> str:
    asked.append(time.monotonic())
    time.sleep(0.1)
    return "ok"


@pytest.fixture
def counted(settings: Settings) -> list[float]:
    settings.READINESS_CHECKS = {"database": f"{__name__}.is_slow"}
    asked.clear()
    return asked


async def readyz() -> str:
    response = await health.readyz(AsyncRequestFactory().get("/readyz"))
    state: str = json.loads(response.content)["checks"]["database"]
    return state


async def test_a_thousand_who_ask_at_once_make_one_check(counted: list[float]) -> None:
    answers = await asyncio.gather(*[readyz() for _ in range(1000)])

    assert set(answers) == {"ok"}
    assert len(counted) == 1


async def test_who_leaves_does_not_end_the_check_for_the_others(counted: list[float]) -> None:
    first = asyncio.ensure_future(readyz())
    await asyncio.sleep(0.02)
    second = asyncio.ensure_future(readyz())
    await asyncio.sleep(0)
    first.cancel()

    assert await second == "ok"
    assert len(counted) == 1


async def test_a_check_is_made_again_when_its_answer_is_old(
    counted: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "KEPT", 0.0)

    assert [await readyz(), await readyz()] == ["ok", "ok"]
    assert len(counted) == 2


async def test_a_check_that_hangs_is_not_made_again_and_holds_up_no_end(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "CHECK_TIMEOUT", 0.05)
    monkeypatch.setattr(health, "KEPT", 0.0)
    settings.READINESS_CHECKS = {"database": f"{__name__}.waits"}
    let_go.clear()
    try:
        assert [await readyz(), await readyz()] == ["timeout", "timeout"]
        [thread] = [thread for thread in threading.enumerate() if "waits" in thread.name]
        assert thread.daemon
    finally:
        let_go.set()


let_go = threading.Event()


def waits() -> str:
    let_go.wait()
    return "ok"
