"""The line that the log has for each request, and the id that all its lines share."""

import logging
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.asgi import Application, Receive, Scope, Send, header
from core.health import PROBES
from core.logging import set_request_id
from core.upstreams import Calls, counted_calls

logger = logging.getLogger(__name__)

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")
# https://www.w3.org/TR/trace-context/#traceparent-header
TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(slots=True)
class RequestRecord:
    """What is known of a request in the end.

    Attributes:
        request_id: the client's, if that is a plain word, else a new one.
        started: when the record began, on the clock of `time.perf_counter`.
        route: the pattern of the address that matched, such as `events/<str:topics>/`.
        status: of the response; None if there was none.
        sent: bytes of the response's body.
        complete: whether the response was sent to its end; not if the client left.
        calls: to upstreams.
    """

    request_id: str
    started: float = field(default_factory=time.perf_counter)
    route: str | None = None
    status: int | None = None
    sent: int = 0
    complete: bool = False
    calls: Calls = field(default_factory=Calls)

    def note(self, message: Mapping[str, Any]) -> None:
        """Take down what a message to the client says of the response."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            self.sent += len(message.get("body", b""))
            self.complete = not message.get("more_body", False)


def begin(request_id: str, traceparent: str) -> RequestRecord:
    """Start the record of a request from its two headers, empty where it has none.

    From here on its id is in every line of the log and, as a valid `traceparent` is, in every call
    to an upstream, in whatever task or thread it is made.
    """
    if not REQUEST_ID.fullmatch(request_id):
        request_id = secrets.token_hex(16)
    trace = [("traceparent", traceparent)] if TRACEPARENT.fullmatch(traceparent) else []
    set_request_id(request_id, *trace)
    record = RequestRecord(request_id)
    counted_calls.set(record.calls)
    return record


class RequestLog:
    """Wraps an ASGI application; writes a line for each request when the last byte is sent.

    A server error is a warning, anything else an info. The query is never written.

    Protocol: https://asgi.readthedocs.io/en/latest/specs/www.html
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        record = scope["core.request_record"] = begin(
            header(scope, b"x-request-id"), header(scope, b"traceparent")
        )

        async def send_and_note(message: Mapping[str, Any]) -> None:
            await send(message)
            record.note(message)

        try:
            await self._application(scope, receive, send_and_note)
        finally:
            write(scope["method"], scope["path"], record)


def write(method: str, path: str, record: RequestRecord) -> None:
    """Write the line of a request that ends now."""
    failed = record.status is not None and record.status >= 500
    level = logging.WARNING if failed else logging.INFO
    if not logger.isEnabledFor(level):
        return
    # Asked all the time, and told only when something is wrong.
    if path in PROBES and record.status is not None and record.status < 400:
        return
    seconds = time.perf_counter() - record.started
    line: dict[str, Any] = {"method": method}
    # The address itself only where no pattern says what it is: it may hold a secret of its own.
    line |= {"path": path} if record.route is None else {"route": record.route}
    line |= {"status": record.status, "duration_ms": _milliseconds(seconds), "sent": record.sent}
    if record.calls.count:
        line["upstream_calls"] = record.calls.count
        line["upstream_ms"] = _milliseconds(record.calls.seconds)
    if not record.complete:
        line["client_left"] = True
    logger.log(level, "request", extra=line)


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)
