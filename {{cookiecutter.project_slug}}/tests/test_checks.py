"""The system checks name the mistakes that async Django makes easy."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.utils.decorators import async_only_middleware
from django.utils.deprecation import MiddlewareMixin
from pytest_django import Settings


def messages(identifier: str) -> list[CheckMessage]:
    """Return what the checks have to say under this id."""
    return [message for message in run_checks() if message.id == identifier]


def test_the_project_as_it_is_has_no_such_mistake() -> None:
    assert run_checks() == []


# Transactions around async views


def test_atomic_requests_around_an_async_view_is_an_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "ATOMIC_REQUESTS", True)

    [error] = messages("core.E001")

    assert "'default'" in error.msg
    assert "transaction.atomic" in str(error.hint)


@transaction.non_atomic_requests
async def exempt(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def sync(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


urlpatterns = [path("nested/", include([path("exempt/", exempt)])), path("sync/", sync)]


@pytest.mark.urls(__name__)
def test_atomic_requests_around_sync_and_exempt_views_is_none(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "ATOMIC_REQUESTS", True)

    assert messages("core.E001") == []


# Connections that stay


@pytest.mark.parametrize("age", [60, None])
def test_persistent_connections_are_an_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, age: int | None
) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "CONN_MAX_AGE", age)

    [error] = messages("core.E002")

    assert "CONN_MAX_AGE" in error.msg


# Production


def test_debug_in_production_is_an_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEBUG = True
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "config.settings.production")

    [error] = messages("core.E003")

    assert "config.settings.production" in error.msg


def test_debug_elsewhere_is_none(settings: Settings) -> None:
    settings.DEBUG = True

    assert messages("core.E003") == []


# Upstreams


@pytest.mark.parametrize("timeout", [None, float("inf"), 0])
def test_an_upstream_without_a_timeout_is_an_error(
    declare: Callable[..., None], timeout: float | None
) -> None:
    declare("analytics", timeout=timeout)

    [error] = messages("core.E004")

    assert "'analytics'" in error.msg
    assert "timeout" in error.msg


# Middleware


def sync_middleware(get_response: Any) -> Any:
    return get_response


@async_only_middleware
def async_middleware(get_response: Any) -> Any:
    return get_response


class SyncHooks(MiddlewareMixin):
    def process_request(self, request: HttpRequest) -> None: ...

    def process_view(self, request: HttpRequest, *view: Any) -> None: ...


class AsyncHooks:
    async_capable = True

    def __init__(self, get_response: Any) -> None: ...

    async def process_view(self, request: HttpRequest, *view: Any) -> None: ...


@pytest.mark.parametrize(
    ("name", "cost"),
    [
        ("sync_middleware", "is sync: it holds a thread"),
        ("SyncHooks", "thread and back for process_request, process_view."),
    ],
)
def test_a_middleware_that_takes_requests_to_a_thread_is_named_with_its_cost(
    settings: Settings, name: str, cost: str
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.{name}"]

    [warning] = messages("core.W001")

    assert f"{__name__}.{name}" in warning.msg
    assert cost in warning.msg


@pytest.mark.parametrize("name", ["async_middleware", "AsyncHooks"])
def test_an_async_middleware_is_none(settings: Settings, name: str) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.{name}"]

    assert messages("core.W001") == []
