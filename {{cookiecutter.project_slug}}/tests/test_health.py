"""The probes that whatever runs the service asks."""

import asyncio

import pytest
from django.db import DatabaseError
from django.test import AsyncClient, Client
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
    def no_database() -> None:
        raise DatabaseError

    monkeypatch.setattr(health, "_query_database", no_database)

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
