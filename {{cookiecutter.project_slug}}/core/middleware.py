"""Middleware that every service needs; async where the server is, so it costs no thread."""

import re
import secrets
from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

from core.logging import current_request_id
from core.upstreams import forwarded_headers

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")
# https://www.w3.org/TR/trace-context/#traceparent-header
TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@sync_and_async_middleware
def forward_request_id(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Give each request an id, say it in the response, and pass it on to the upstreams.

    The id is the one of the `X-Request-ID` header if that is a plain word, else a new one. A
    valid `traceparent` is passed on as well.
    """
    if iscoroutinefunction(get_response):

        async def async_middleware(request: HttpRequest) -> HttpResponse:
            request_id = _take_over(request)
            response: HttpResponse = await get_response(request)
            response["X-Request-ID"] = request_id
            return response

        return async_middleware

    def middleware(request: HttpRequest) -> HttpResponse:
        request_id = _take_over(request)
        response: HttpResponse = get_response(request)
        response["X-Request-ID"] = request_id
        return response

    return middleware


def _take_over(request: HttpRequest) -> str:
    request_id: str = request.META.get("HTTP_X_REQUEST_ID", "")
    if not REQUEST_ID.fullmatch(request_id):
        request_id = secrets.token_hex(16)
    headers = [("x-request-id", request_id)]
    traceparent = request.META.get("HTTP_TRACEPARENT", "")
    if TRACEPARENT.fullmatch(traceparent):
        headers.append(("traceparent", traceparent))
    forwarded_headers.set(tuple(headers))
    current_request_id.set(request_id)
    return request_id
