"""Bearer tokens, verified by another service: who may pass, who may not, and who cannot be told."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Stubs
from django.core.exceptions import ImproperlyConfigured, MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import AsyncClient, Client
from django.urls import path
from pytest_django import Settings

from core import external_auth
from core.external_auth import AuthenticatedRequest


async def who(request: AuthenticatedRequest) -> HttpResponse:
    user = request.external_user
    return JsonResponse({"subject": user.subject, "scopes": sorted(user.scopes)})


def sync_who(request: AuthenticatedRequest) -> HttpResponse:
    return HttpResponse(request.external_user.subject)


async def public(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


urlpatterns = [
    path("private/who/", who),
    path("private/sync-who/", sync_who),
    path("public/", public),
]
pytestmark = pytest.mark.urls(__name__)

VALID = {"Authorization": "Bearer let-me-in"}
INVALID = {"Authorization": "Bearer made-up"}


@pytest.fixture(autouse=True)
def private_paths(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.EXTERNAL_AUTH_PATHS = ["/private/"]
    monkeypatch.setattr(external_auth, "_active", {})
    monkeypatch.setattr(external_auth, "_inactive", {})


async def asked(stubs: Stubs) -> int:
    """Return how often the upstream was asked about a token."""
    requests: int = (await stubs.state("auth"))["requests"]
    return requests


async def test_a_valid_token_lets_its_user_in(async_client: AsyncClient) -> None:
    response = await async_client.get("/private/who/", headers=VALID)

    assert response.status_code == 200
    assert response.json() == {"subject": "ada", "scopes": ["orders:read", "orders:write"]}


def test_sync_views_and_servers_have_it_too(client: Client) -> None:
    assert client.get("/private/sync-who/", headers=VALID).content == b"ada"
    assert client.get("/private/sync-who/", headers=INVALID).status_code == 401


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic YWRhOnNlY3JldA=="}])
async def test_without_a_token_the_answer_says_how_to_send_one(
    async_client: AsyncClient, stubs: Stubs, headers: dict[str, str]
) -> None:
    before = await asked(stubs)

    response = await async_client.get("/private/who/", headers=headers)

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'
    assert response.json()["errors"]["authorization"]["reason"] == "missing"
    assert await asked(stubs) == before


async def test_a_token_that_nobody_knows_is_refused(async_client: AsyncClient) -> None:
    response = await async_client.get("/private/who/", headers=INVALID)

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="api", error="invalid_token"'
    assert response.json()["errors"]["authorization"]["reason"] == "invalid"


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Bearer two words", "bearer a&b=c"])
async def test_what_cannot_be_a_token_is_refused_without_asking(
    async_client: AsyncClient, stubs: Stubs, value: str
) -> None:
    before = await asked(stubs)

    response = await async_client.get("/private/who/", headers={"Authorization": value})

    assert response.status_code == 401
    assert "invalid_token" in response["WWW-Authenticate"]
    assert await asked(stubs) == before


async def test_other_paths_ask_for_nothing(async_client: AsyncClient, stubs: Stubs) -> None:
    before = await asked(stubs)

    response = await async_client.get("/public/", headers=INVALID)

    assert response.status_code == 200
    assert await asked(stubs) == before


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        pytest.param({"status": 500}, "status", id="an error"),
        pytest.param({"status": 401}, "status", id="it refuses this service"),
        pytest.param({"delay": 30}, "timeout", id="too slow"),
        pytest.param({"drop": True}, "connect", id="a broken connection"),
        pytest.param({"body": "<html>"}, "invalid", id="a page"),
        pytest.param({"body": '{"active": "yes"}'}, "invalid", id="not quite the answer"),
    ],
)
async def test_when_the_token_cannot_be_verified_the_caller_is_not_to_blame(
    async_client: AsyncClient,
    stubs: Stubs,
    declare: Callable[..., None],
    behaviour: dict[str, Any],
    reason: str,
) -> None:
    declare("auth", timeout=0.5)
    await stubs.tell("auth", **behaviour)

    response = await async_client.get("/private/who/", headers=VALID)

    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert "WWW-Authenticate" not in response
    assert response.json()["errors"]["auth"]["reason"] == reason


async def test_a_passing_failure_is_not_remembered(async_client: AsyncClient, stubs: Stubs) -> None:
    await stubs.tell("auth", status=500)
    failed = await async_client.get("/private/who/", headers=VALID)
    await stubs.tell("auth")

    response = await async_client.get("/private/who/", headers=VALID)

    assert [failed.status_code, response.status_code] == [503, 200]


@pytest.mark.parametrize(("headers", "status"), [(VALID, 200), (INVALID, 401)])
async def test_the_answer_about_a_token_is_kept_and_the_token_is_not(
    async_client: AsyncClient, stubs: Stubs, headers: dict[str, str], status: int
) -> None:
    before = await asked(stubs)

    statuses = [
        (await async_client.get("/private/who/", headers=headers)).status_code for _ in range(3)
    ]

    assert statuses == [status] * 3
    assert await asked(stubs) == before + 1
    token = headers["Authorization"].removeprefix("Bearer ")
    assert token not in repr([external_auth._active, external_auth._inactive])


async def test_a_token_that_has_expired_is_refused_whatever_the_upstream_says(
    async_client: AsyncClient, stubs: Stubs
) -> None:
    await stubs.tell("auth", body=json.dumps({"active": True, "exp": time.time() - 1}))

    response = await async_client.get("/private/who/", headers=VALID)

    assert response.status_code == 401


async def test_an_answer_is_kept_no_longer_than_the_token_is_valid(
    async_client: AsyncClient, stubs: Stubs
) -> None:
    await stubs.tell("auth", body=json.dumps({"active": True, "exp": time.time() + 10}))

    response = await async_client.get("/private/who/", headers=VALID)

    assert response.status_code == 200
    [kept] = external_auth._active.values()
    assert kept.until <= time.monotonic() + 10


async def test_a_flood_of_made_up_tokens_does_not_push_the_real_ones_out(
    async_client: AsyncClient, stubs: Stubs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(external_auth, "MOST_KEPT", 3)
    await async_client.get("/private/who/", headers=VALID)
    for n in range(10):
        await async_client.get("/private/who/", headers={"Authorization": f"Bearer made-up-{n}"})
    before = await asked(stubs)

    response = await async_client.get("/private/who/", headers=VALID)

    assert response.status_code == 200
    assert await asked(stubs) == before
    assert len(external_auth._inactive) == 3


# How it is turned on


def get_response(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def test_without_paths_no_request_passes_it(settings: Settings) -> None:
    settings.EXTERNAL_AUTH_PATHS = []

    with pytest.raises(MiddlewareNotUsed):
        external_auth.external_auth(get_response)


def test_a_path_that_would_protect_nothing_is_refused(settings: Settings) -> None:
    settings.EXTERNAL_AUTH_PATHS = ["private/"]

    with pytest.raises(ImproperlyConfigured, match="has to start with a slash"):
        external_auth.external_auth(get_response)


def test_without_an_upstream_to_ask_it_is_refused(settings: Settings) -> None:
    settings.UPSTREAMS = {}

    with pytest.raises(ImproperlyConfigured, match="UPSTREAM_AUTH_URL"):
        external_auth.external_auth(get_response)
