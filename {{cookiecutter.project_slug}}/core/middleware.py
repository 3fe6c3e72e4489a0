"""Middleware that every service needs; async where the server is, so it costs no thread."""

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

from core.request_log import RequestRecord, begin, write


@sync_and_async_middleware
def forward_request_id(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Say each request's id in the response, and its route in the log.

    The id is the one that `core.request_log` gave it. Under WSGI and in tests, where that is not,
    it is given here; under WSGI the line of the log is written here too, before the bytes are sent.
    """
    if iscoroutinefunction(get_response):

        async def async_middleware(request: HttpRequest) -> HttpResponse:
            record = _record(request)
            try:
                response: HttpResponse = await get_response(request)
            finally:
                record.route = _route(request)
            return _told(request, response, record)

        return async_middleware

    def middleware(request: HttpRequest) -> HttpResponse:
        record = _record(request)
        response: HttpResponse = get_response(request)
        record.route = _route(request)
        return _told(request, response, record)

    return middleware


def _told(request: HttpRequest, response: HttpResponse, record: RequestRecord) -> HttpResponse:
    response["X-Request-ID"] = record.request_id
    if not hasattr(request, "scope"):  # WSGI, where middleware may be async as well
        record.status, record.complete = response.status_code, True
        record.sent = int(response.headers.get("Content-Length", 0))
        write(request.method or "", request.path, record)
    return response


def _record(request: HttpRequest) -> RequestRecord:
    scope: dict[str, Any] = getattr(request, "scope", {})
    record: RequestRecord | None = scope.get("core.request_record")
    if record is None:
        headers = request.META
        return begin(headers.get("HTTP_X_REQUEST_ID", ""), headers.get("HTTP_TRACEPARENT", ""))
    return record


def _route(request: HttpRequest) -> str | None:
    match = request.resolver_match
    return None if match is None else f"/{match.route}"
