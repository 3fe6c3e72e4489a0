"""The dashboard: three upstreams merged, none of which the others wait or fail for."""

from collections.abc import Callable
from typing import Any

import pytest
from conftest import Stubs, unused_port
from django.test import AsyncClient


async def test_all_parts_arrive(async_client: AsyncClient) -> None:
    response = await async_client.get("/api/dashboard/")

    assert response.status_code == 200
    answer = response.json()
    assert list(answer["data"]) == ["inventory", "notifications", "analytics"]
    assert all(answer["data"].values())
    assert answer["errors"] == {}
    assert answer["elapsed_ms"] > 0


async def test_a_slow_upstream_costs_its_part_not_the_answer(
    async_client: AsyncClient, stubs: Stubs, declare: Callable[..., None]
) -> None:
    declare("analytics", timeout=0.2)
    await stubs.tell("analytics", delay=30)

    response = await async_client.get("/api/dashboard/")

    assert response.status_code == 200
    answer = response.json()
    assert answer["data"]["inventory"]
    assert answer["data"]["notifications"]
    assert answer["data"]["analytics"] is None
    assert answer["errors"]["analytics"]["reason"] == "timeout"


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        pytest.param({"status": 500}, "status", id="an error"),
        pytest.param(
            {"status": 302, "headers": {"location": "http://192.0.2.1/"}}, "status", id="a redirect"
        ),
        pytest.param({"body": '{"items": 12'}, "invalid", id="broken JSON"),
        pytest.param({"body": "[1, 2]"}, "invalid", id="not an object"),
        pytest.param({"body": '{"ratio": NaN}'}, "invalid", id="not quite JSON"),
        pytest.param({"body": '{"a":' * 100_000}, "invalid", id="nested too deeply"),
        pytest.param({"body": "x" * 10_000_000}, "too_large", id="10 MB"),
        pytest.param({"drop": True}, "connect", id="a broken connection"),
    ],
)
async def test_a_misbehaving_upstream_is_told_by_its_reason(
    async_client: AsyncClient, stubs: Stubs, behaviour: dict[str, Any], reason: str
) -> None:
    await stubs.tell("inventory", **behaviour)

    response = await async_client.get("/api/dashboard/")

    assert response.status_code == 200
    answer = response.json()
    assert answer["data"]["inventory"] is None
    assert answer["errors"]["inventory"]["reason"] == reason
    assert list(answer["errors"]) == ["inventory"]


async def test_no_part_at_all_is_a_bad_gateway(
    async_client: AsyncClient, declare: Callable[..., None]
) -> None:
    nowhere = f"http://127.0.0.1:{unused_port()}"
    for name in ("inventory", "notifications", "analytics"):
        declare(name, url=nowhere)

    response = await async_client.get("/api/dashboard/")

    assert response.status_code == 502
    assert {error["reason"] for error in response.json()["errors"].values()} == {"connect"}


async def test_the_page_has_a_tile_for_each_upstream(async_client: AsyncClient) -> None:
    response = await async_client.get("/")

    assert response.status_code == 200
    page = response.content.decode()
    assert page.count('class="tile"') == 3
    assert "Rotterdam" in page


async def test_the_page_says_in_words_why_a_tile_is_degraded(
    async_client: AsyncClient, stubs: Stubs
) -> None:
    await stubs.tell("analytics", status=503)

    response = await async_client.get("/")

    page = response.content.decode()
    assert page.count('class="tile"') == 2
    assert page.count('class="tile degraded"') == 1
    assert "Answered with status 503." in page


async def test_aggregate_status_needs_both_parts(async_client: AsyncClient) -> None:
    response = await async_client.get("/api/aggregate-status/")

    assert response.status_code == 200
    assert {name: part["status"] for name, part in response.json().items()} == {
        "users": "operational",
        "billing": "operational",
    }


async def test_aggregate_status_names_the_part_that_failed(
    async_client: AsyncClient, stubs: Stubs
) -> None:
    await stubs.tell("billing", status=500)

    response = await async_client.get("/api/aggregate-status/")

    assert response.status_code == 502
    assert response.json()["errors"]["billing"]["reason"] == "status"
