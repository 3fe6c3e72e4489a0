"""The id of the request that is being worked for, wherever the work goes."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from core.upstreams import forwarded_headers

current_request_id: ContextVar[str] = ContextVar("current_request_id", default="")


def request_id() -> str:
    """Return the id of the request that this work is for; empty if it is for none."""
    return current_request_id.get()


@contextmanager
def bind_request_id(value: str) -> Iterator[None]:
    """Work for that request in this block, as a task does that the request queued."""
    token = current_request_id.set(value)
    headers = forwarded_headers.set((("x-request-id", value),))
    try:
        yield
    finally:
        forwarded_headers.reset(headers)
        current_request_id.reset(token)
