"""The log: a line for each request, its id in every line of it, and no secret in any."""

import asyncio
import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from config.asgi import application
from config.urls import urlpatterns as service_urls
from core.logging import json_formatter

logger = logging.getLogger("tests.service")

type Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def lines() -> Iterator[Lines]:
    """What the log has, as production writes it: each line has to be JSON."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(json_formatter())
    root = logging.getLogger()
    root.addHandler(handler)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.removeHandler(handler)


async def notes(request: HttpRequest, number: int) -> HttpResponse:
    """Write from the view, from a task and from a thread."""
    logger.info("view")
    await asyncio.sleep(0.01)
    async with asyncio.TaskGroup() as group:
        group.create_task(in_a_task())
    await sync_to_async(logger.info)("thread")
    return HttpResponse()


async def in_a_task() -> None:
    logger.info("task")


async def broken(request: HttpRequest) -> HttpResponse:
    raise LookupError("no such thing")


urlpatterns = [path("notes/<int:number>/", notes), path("broken/", broken), *service_urls]

pytestmark = pytest.mark.urls(__name__)


async def ask(target: str, headers: dict[str, str] | None = None) -> httpx.Response:
    """Ask the whole application, as a server does."""
    app: Any = application
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        return await client.get(target, headers=headers)


async def test_each_request_has_a_line_with_its_route_and_not_its_address(lines: Lines) -> None:
    answer = await ask("/notes/7/?password=hush")

    [line] = [line for line in lines() if line["event"] == "request"]
    assert line["method"] == "GET"
    assert line["route"] == "/notes/<int:number>/"
    assert line["status"] == 200
    assert line["duration_ms"] >= 10
    assert line["request_id"] == answer.headers["x-request-id"]
    assert "hush" not in json.dumps(lines())


def test_under_wsgi_too(lines: Lines, client: Client) -> None:
    answer = client.get("/notes/7/?password=hush")

    [line] = [line for line in lines() if line["event"] == "request"]
    assert (line["method"], line["route"], line["status"]) == ("GET", "/notes/<int:number>/", 200)
    assert line["sent"] == len(answer.content)
    assert line["request_id"] == answer["x-request-id"]
    assert "hush" not in json.dumps(lines())


async def test_requests_at_the_same_time_keep_their_ids_in_tasks_and_threads(lines: Lines) -> None:
    ids = [f"request-{number}" for number in range(10)]
    async with asyncio.TaskGroup() as group:
        for value in ids:
            group.create_task(ask("/notes/7/", {"x-request-id": value}))

    for value in ids:
        events = {line["event"] for line in lines() if line.get("request_id") == value}
        assert events == {"view", "task", "thread", "request"}


async def test_an_error_is_one_line_with_its_traceback(lines: Lines) -> None:
    await ask("/broken/", {"x-request-id": "request-7"})

    [error] = [line for line in lines() if "exception" in line]
    assert "LookupError: no such thing" in error["exception"]
    assert error["request_id"] == "request-7"
    [line] = [line for line in lines() if line["event"] == "request"]
    assert (line["status"], line["level"]) == (500, "warning")


async def test_probes_that_go_well_are_not_told(lines: Lines) -> None:
    await ask("/livez")

    assert lines() == []


async def test_calls_to_upstreams_are_counted(lines: Lines) -> None:
    await ask("/api/dashboard/")

    [line] = [line for line in lines() if line["event"] == "request"]
    assert line["upstream_calls"] == 3
    assert line["upstream_ms"] > 0


@pytest.mark.parametrize(
    "secret",
    [
        {"password": "hush"},
        {"headers": {"Authorization": "hush", "Cookie": "hush"}},
        {"api_key": "hush"},
    ],
)
def test_what_is_named_like_a_secret_is_not_written(lines: Lines, secret: dict[str, Any]) -> None:
    logger.warning("sent", extra=secret)

    [line] = lines()
    assert line["event"] == "sent"
    assert "hush" not in json.dumps(line)


@pytest.mark.parametrize(
    "text",
    [
        "GET https://a.example/?token=hush",
        "https://ada:hush@db.example/x",
        "Authorization: Bearer hush",
    ],
)
def test_what_looks_like_a_secret_is_not_written(lines: Lines, text: str) -> None:
    logger.warning(text)

    assert "hush" not in json.dumps(lines())


async def test_a_warning_level_leaves_out_requests_that_went_well(
    lines: Lines, request: pytest.FixtureRequest
) -> None:
    request_log = logging.getLogger("core.request_log")
    request.addfinalizer(lambda: request_log.setLevel(logging.NOTSET))
    request_log.setLevel(logging.WARNING)

    await ask("/notes/7/")

    assert "request" not in {line["event"] for line in lines()}
