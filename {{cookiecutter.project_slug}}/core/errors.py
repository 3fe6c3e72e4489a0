"""Errors as answers: problem details for programs, a page for people.

A view that refuses returns `problem(…)`. Whatever else goes wrong is answered here: exceptions
through the handlers that `config.urls` names, the rest, such as a method that is not allowed,
through `ErrorMiddleware`.

Protocol: https://www.rfc-editor.org/rfc/rfc9457
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string

from core.lean.middleware import InlineHooks
from core.logging import request_id
from core.upstreams import UpstreamError

PROBLEM = "application/problem+json"
JSON, HTML = "application/json", "text/html"

DETAILS = {
    400: "The request cannot be understood.",
    403: "This is not for you, or you would have to log in first.",
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    413: "The request is larger than the service takes.",
    429: "Too many requests came from where you are. Try again later.",
    500: "Something went wrong here. It was written down.",
    502: "A service that this one needs did not answer as it should.",
    503: "The service cannot do this at the moment. Try again later.",
}
"""What is said when nothing more is known, in words that give nothing away."""


def problem(
    status: int,
    detail: str = "",
    *,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> JsonResponse:
    """Return an error as problem details, with the id of the request.

    Args:
        status: the HTTP status.
        detail: what was wrong and what to do, for people; the usual words for the status if empty.
        headers: of the response, such as `Retry-After`.
        members: more to say, for programs, such as `errors` by field or upstream.
    """
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail or DETAILS.get(status, ""),
        "request_id": request_id(),
        **members,
    }
    return JsonResponse(content, status=status, headers=headers, content_type=PROBLEM)


def refusal(
    status: int,
    what: str,
    reason: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
) -> JsonResponse:
    """Return a problem with one thing, with a word for programs under `errors`.

    Args:
        what: that is wrong, such as a field or a topic.
        reason: the word.
        detail: the same for people.
    """
    errors = {what: {"reason": reason, "detail": detail}}
    return problem(status, detail, errors=errors, headers=headers)


def upstream_problem(
    error: UpstreamError, status: int = HTTPStatus.BAD_GATEWAY, **more: Any
) -> JsonResponse:
    """Return what an upstream's failure means for the caller, with its reason under `errors`."""
    detail = f"{error.name}: {error.failure.detail}"
    return problem(status, detail, errors={error.name: error.failure.as_json()}, **more)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400, or 413 for a body that is too large."""
    return _answer(request, 413 if isinstance(exception, RequestDataTooBig) else 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403."""
    return _answer(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404."""
    return _answer(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500."""
    return _answer(request, 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 for a form that was sent without its token; `reason` is for the log."""
    return _answer(
        request, 403, "This form is too old, or your browser keeps no cookies. Load it once more."
    )


class ErrorMiddleware(InlineHooks):
    """Answers for what an `UpstreamError` ended, and gives errors without a body one."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer 502 if a view left the failure of an upstream to others."""
        if not isinstance(exception, UpstreamError):
            return None
        if _is_for_programs(request):
            return upstream_problem(exception)
        return _page(502)

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Replace an error that says nothing, or says it to a program as a page."""
        if response.status_code < 400 or not isinstance(response, HttpResponse):
            return response
        is_json = response.headers.get("Content-Type", "").endswith("json")
        if is_json or (response.content and not _is_for_programs(request)):
            return response
        answer = _answer(request, response.status_code)
        for name, value in response.items():
            if name not in {"Content-Type", "Content-Length"}:
                answer.headers[name] = value
        answer.cookies = response.cookies
        return answer


def _answer(request: HttpRequest, status: int, detail: str = "") -> HttpResponse:
    return problem(status, detail) if _is_for_programs(request) else _page(status, detail)


def _is_for_programs(request: HttpRequest) -> bool:
    """Say whether an error is read by a program; `API_PATHS` are, whoever asks."""
    if settings.DEBUG and request.get_preferred_type([JSON, HTML]) == HTML:
        return False  # sees Django's pages for debugging
    return request.path_info.startswith(tuple(settings.API_PATHS)) or not request.accepts(HTML)


def _page(status: int, detail: str = "") -> HttpResponse:
    # Without the request, so that nothing asks the database, which may be what is wrong.
    context = {
        "service_name": settings.SERVICE_NAME,
        "title": HTTPStatus(status).phrase,
        "detail": detail or DETAILS.get(status, ""),
        "request_id": request_id(),
    }
    return HttpResponse(render_to_string("error.html", context), status=status)
