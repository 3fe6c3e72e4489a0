"""The lean request path: a thread for a request that needs one, and for no other."""

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import django
import pytest
from asgiref.sync import SyncToAsync, sync_to_async
from django.contrib import messages
from django.core import signals
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from pytest_django import Settings

from apps.accounts.models import User
from core import lean
from core.lean.handler import LeanASGIHandler

type Get = Callable[..., Any]

# Django never closes a database in memory, so it goes with the request's thread.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


async def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"threads: {threading.active_count()}")


async def query(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"users: {await User.objects.acount()}")


def sync_view(request: HttpRequest) -> HttpResponse:
    return HttpResponse(threading.current_thread().name)


async def remember(request: HttpRequest) -> HttpResponse:
    visits = await request.session.aget("visits", 0)
    await request.session.aset("visits", visits + 1)
    await sync_to_async(messages.info)(request, "You were here.")
    return HttpResponse(f"visits: {visits}")


async def stream(request: HttpRequest) -> StreamingHttpResponse:
    await User.objects.acount()

    async def parts() -> AsyncIterator[str]:
        for _ in range(3):
            await asyncio.sleep(0.01)
            yield f"threads: {threading.active_count()}\n"

    return StreamingHttpResponse(parts())


async def stream_once(request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[str]:
        yield "once"

    return StreamingHttpResponse(parts())


async def stream_without(request: HttpRequest) -> StreamingHttpResponse:
    reference = weakref.ref(request)

    async def parts() -> AsyncIterator[str]:
        yield f"request: {reference()}"

    return StreamingHttpResponse(parts())


sent_files: list[Any] = []


@csrf_exempt
async def echo(request: HttpRequest) -> StreamingHttpResponse:
    file: Any = request.FILES["file"]
    sent_files.append(file)

    async def parts() -> AsyncIterator[bytes]:
        yield file.read()

    return StreamingHttpResponse(parts())


async def endless(request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[str]:
        yield "for now"
        await asyncio.Event().wait()

    return StreamingHttpResponse(parts())


async def who(request: HttpRequest) -> HttpResponse:
    user = await request.auser()
    return HttpResponse(f"{user} {request.user.is_authenticated}")


async def broken(request: HttpRequest) -> HttpResponse:
    raise KeyError("oops")


urlpatterns = [
    path("hello/", hello),
    path("query/", query),
    path("sync/", sync_view),
    path("remember/", remember),
    path("stream/", stream),
    path("stream-once/", stream_once),
    path("stream-without/", stream_without),
    path("echo/", echo),
    path("endless/", endless),
    path("who/", who),
    path("broken/", broken),
]


@pytest.fixture
def application(settings: Settings) -> LeanASGIHandler:
    settings.ROOT_URLCONF = __name__
    settings.SERVESTATIC_AUTOREFRESH = False  # looks for files on a thread
    application = lean.get_asgi_application()
    assert isinstance(application, LeanASGIHandler)
    return application


class Answer:
    """What came back over ASGI."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        start, *parts = messages
        self.status: int = start["status"]
        self.headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
        self.text = b"".join(part.get("body", b"") for part in parts).decode()


@pytest.fixture
def get(application: LeanASGIHandler) -> Get:
    """Call the application as a server does."""

    async def get(path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
        sent: list[dict[str, Any]] = []
        received = iter([{"type": "http.request", "body": body}])

        async def receive() -> dict[str, Any]:
            for message in received:
                return message
            return await asyncio.Future()  # The client stays.

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": [(b"host", b"testserver")]
            + [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        await application(scope, receive, send)
        return Answer(sent)

    return get


async def test_a_request_without_sync_code_has_no_thread(get: Get) -> None:
    before = threading.active_count()

    answer = await get("/hello/")

    assert answer.text == f"threads: {before}"
    assert answer.headers["x-frame-options"] == "DENY"
    assert threading.active_count() == before


@pytest.fixture
def requests(
    application: LeanASGIHandler, monkeypatch: pytest.MonkeyPatch
) -> list[weakref.ref[HttpRequest]]:
    """All requests that the application makes, held by weak references only."""
    create = application.create_request
    made: list[weakref.ref[HttpRequest]] = []

    def create_and_note(scope: Any, body_file: Any) -> Any:
        request, error_response = create(scope, body_file)
        assert request is not None
        made.append(weakref.ref(request))
        return request, error_response

    monkeypatch.setattr(application, "create_request", create_and_note)
    return made


@pytest.mark.django_db(transaction=True)
async def test_a_stream_adds_no_thread_even_after_a_query(get: Get) -> None:
    await get("/stream/")  # Whatever starts once in a process has started now.
    before = threading.active_count()

    answer = await get("/stream/")

    assert answer.text == f"threads: {before}\n" * 3


@pytest.mark.django_db(transaction=True)
async def test_queries_and_sync_views_run_on_a_thread(get: Get) -> None:
    assert (await get("/query/")).text == "users: 0"
    assert (await get("/sync/")).text != threading.current_thread().name


@pytest.mark.django_db(transaction=True)
async def test_sessions_and_messages_are_kept(get: Get) -> None:
    first = await get("/remember/")
    cookie = first.headers["set-cookie"].partition(";")[0]

    second = await get("/remember/", cookie=cookie)

    assert first.text == "visits: 0"
    assert second.text == "visits: 1"
    assert "Cookie" in second.headers["vary"]


@pytest.fixture
def no_collection() -> Iterator[None]:
    """What is gone in such a test is gone by itself."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize("path", ["/hello/", "/who/", "/stream-once/"])
async def test_an_answered_request_does_not_wait_for_the_garbage_collector(
    get: Get, requests: list[weakref.ref[HttpRequest]], path: str
) -> None:
    await get(path)

    (request,) = requests
    assert request() is None


@pytest.mark.usefixtures("no_collection")
async def test_neither_does_the_one_of_a_client_that_hangs_up(
    application: LeanASGIHandler, requests: list[weakref.ref[HttpRequest]]
) -> None:
    sent: list[Any] = []
    started = asyncio.Event()
    received = iter([{"type": "http.request"}, {"type": "http.disconnect"}])

    async def receive() -> dict[str, Any]:
        message = next(received)
        if message["type"] == "http.disconnect":
            await started.wait()
        return message

    async def send(message: Any) -> None:
        sent.append(message)
        started.set()

    headers = [(b"host", b"testserver")]
    scope = {"type": "http", "method": "GET", "path": "/endless/", "headers": headers}

    await asyncio.create_task(application(scope, receive, send))

    (request,) = requests
    assert request() is None
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


@pytest.mark.usefixtures("no_collection")
async def test_a_stream_goes_on_without_its_request(get: Get) -> None:
    assert (await get("/stream-without/")).text == "request: None"


async def test_a_stream_reads_the_files_of_its_request_which_are_closed_after_it(get: Get) -> None:
    form = {"file": SimpleUploadedFile("a.txt", b"what was sent")}
    headers = {"content-type": MULTIPART_CONTENT}
    body = encode_multipart(BOUNDARY, form)

    answer = await get("/echo/", "POST", body, **headers, **{"content-length": str(len(body))})

    assert answer.text == "what was sent"
    (file,) = sent_files
    assert file.closed


async def test_a_post_without_its_token_is_refused(get: Get) -> None:
    assert (await get("/hello/", "POST")).status == 403


async def test_an_exception_is_an_error_page(get: Get) -> None:
    assert (await get("/broken/")).status == 500


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """The names of the signals that somebody else's receiver hears."""
    heard: list[str] = []

    def started(**kwargs: Any) -> None:
        heard.append("started")

    def finished(**kwargs: Any) -> None:
        heard.append("finished")

    signals.request_started.connect(started)
    signals.request_finished.connect(finished)
    yield heard
    signals.request_started.disconnect(started)
    signals.request_finished.disconnect(finished)


async def test_the_receivers_of_others_hear_every_request(get: Get, heard: list[str]) -> None:
    await get("/hello/")

    assert heard == ["started", "finished"]


def test_one_setting_turns_it_off(settings: Settings) -> None:
    settings.LEAN_ASGI = False

    assert type(lean.get_asgi_application()) is ASGIHandler


def test_another_release_of_django_gets_djangos_own_handler(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(django, "VERSION", (7, 0, 0, "final", 0))

    assert type(lean.get_asgi_application()) is ASGIHandler
    assert "Django's own ASGI handler is used" in capsys.readouterr().err


def test_an_unknown_asgiref_gets_djangos_own_handler(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr(SyncToAsync, "context_to_thread_executor")

    assert type(lean.get_asgi_application()) is ASGIHandler
    assert "Django's own ASGI handler is used" in capsys.readouterr().err
