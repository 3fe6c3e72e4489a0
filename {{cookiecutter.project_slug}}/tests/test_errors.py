"""Errors as answers: problem details for programs, a page for people."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.test import AsyncClient, Client
from django.urls import include, path
from django.views.decorators.http import require_POST
from pytest_django import Settings

from core.upstreams import Reason, UpstreamError

BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PROGRAM = {"accept": "application/json"}


def raising(error: type[Exception]) -> Callable[[HttpRequest], Any]:
    async def view(request: HttpRequest) -> HttpResponse:
        raise error("secret words")

    return view


@require_POST
async def post_only(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


async def upstream_fails(request: HttpRequest) -> JsonResponse:
    raise UpstreamError("billing", Reason.TIMEOUT, "No complete answer within 2 s.")


async def unavailable(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=503, headers={"Retry-After": "7"})


async def too_many(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=429)


VIEWS = [
    path("400/", raising(BadRequest)),
    path("403/", raising(PermissionDenied)),
    path("404/", raising(Http404)),
    path("405/", post_only),
    path("413/", raising(RequestDataTooBig)),
    path("429/", too_many),
    path("500/", raising(OperationalError)),
    path("502/", upstream_fails),
    path("503/", unavailable),
]
urlpatterns = [path("", include("config.urls")), path("api/", include(VIEWS)), *VIEWS]
handler400 = "core.errors.bad_request"
handler403 = "core.errors.permission_denied"
handler404 = "core.errors.not_found"
handler500 = "core.errors.server_error"

every_status = pytest.mark.parametrize("status", [400, 403, 404, 405, 413, 429, 500, 502, 503])


@pytest.fixture(autouse=True)
def views(settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__


@pytest.fixture
def client(async_client: AsyncClient) -> AsyncClient:
    """A client that sees the answer to an exception, and not the exception."""
    async_client.raise_request_exception = False
    return async_client


@every_status
@pytest.mark.parametrize("headers", [PROGRAM, BROWSER, {}])
async def test_an_error_below_api_is_problem_details(
    client: AsyncClient, status: int, headers: dict[str, str]
) -> None:
    response = await client.get(f"/api/{status}/", headers={"x-request-id": "order-17", **headers})

    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == "about:blank"
    assert problem["title"] == HTTPStatus(status).phrase
    assert problem["status"] == status
    assert problem["detail"]
    assert problem["request_id"] == response["X-Request-ID"] == "order-17"
    assert "secret" not in response.content.decode()


@every_status
async def test_elsewhere_a_person_gets_a_page(client: AsyncClient, status: int) -> None:
    response = await client.get(f"/{status}/", headers={"x-request-id": "order-17", **BROWSER})

    assert response.status_code == status
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert f"<h1>{HTTPStatus(status).phrase}</h1>" in response.content.decode()
    assert "order-17" in response.content.decode()
    assert "secret" not in response.content.decode()


@every_status
async def test_elsewhere_a_program_that_takes_no_html_gets_problem_details(
    client: AsyncClient, status: int
) -> None:
    response = await client.get(f"/{status}/", headers=PROGRAM)

    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["status"] == status


@pytest.mark.parametrize("prefix", ["/api", ""])
async def test_what_an_error_says_in_its_headers_is_kept(client: AsyncClient, prefix: str) -> None:
    not_allowed = await client.get(f"{prefix}/405/", headers=BROWSER)
    unavailable = await client.get(f"{prefix}/503/", headers=BROWSER)

    assert not_allowed["Allow"] == "POST"
    assert unavailable["Retry-After"] == "7"


async def test_an_upstream_that_a_view_did_not_care_for_is_named(client: AsyncClient) -> None:
    response = await client.get("/api/502/")

    assert response.json()["errors"] == {
        "billing": {"reason": "timeout", "detail": "No complete answer within 2 s."}
    }


@pytest.mark.parametrize("status", [403, 500])
async def test_the_page_needs_no_database(client: AsyncClient, status: int) -> None:
    # The database is closed to this test, and the cookie would make a page ask who it is.
    client.cookies["sessionid"] = "a" * 32

    response = await client.get(f"/{status}/", headers=BROWSER)

    assert response.status_code == status


async def test_a_form_without_its_token_is_refused_in_words() -> None:
    strict = AsyncClient(enforce_csrf_checks=True)

    page = await strict.post("/405/", headers=BROWSER)
    problem = await strict.post("/api/405/", headers=PROGRAM)

    assert page.status_code == problem.status_code == 403
    assert "Load it once more" in page.content.decode()
    assert "Load it once more" in problem.json()["detail"]


@pytest.mark.parametrize("path", ["/api/500/", "/api/404/", "/api/nowhere/"])
async def test_with_debug_a_person_sees_djangos_pages_and_a_program_problem_details(
    client: AsyncClient, settings: Settings, path: str
) -> None:
    settings.DEBUG = True

    page = await client.get(path, headers=BROWSER)
    problem = await client.get(path)

    assert "DEBUG = True" in page.content.decode()
    assert problem["Content-Type"] == "application/problem+json"


def test_under_wsgi_it_is_the_same(client: AsyncClient) -> None:
    client_of_wsgi = Client(raise_request_exception=False)

    assert client_of_wsgi.get("/api/500/").json()["status"] == 500
    assert "<h1>Not Found</h1>" in client_of_wsgi.get("/404/", headers=BROWSER).content.decode()
