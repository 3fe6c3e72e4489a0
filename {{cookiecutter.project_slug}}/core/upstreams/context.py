"""What a call takes over from the request that it is made for."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

forwarded_headers: ContextVar[tuple[tuple[str, str], ...]] = ContextVar(
    "forwarded_headers", default=()
)
"""Headers of the incoming request that outgoing ones repeat: its id and its trace."""


@dataclass(slots=True)
class Calls:
    """How many calls were made, and how many seconds they took, added up."""

    count: int = 0
    seconds: float = 0.0


counted_calls: ContextVar[Calls | None] = ContextVar("counted_calls", default=None)
"""Where calls are counted; an object, so that those of other tasks and threads count too."""

_ends_at: ContextVar[float | None] = ContextVar("ends_at", default=None)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Give every call that starts in this block no more than this time, all together.

    An outer deadline that is earlier stays in force.
    """
    ends_at = asyncio.get_running_loop().time() + seconds
    outer = _ends_at.get()
    token = _ends_at.set(ends_at if outer is None else min(ends_at, outer))
    try:
        yield
    finally:
        _ends_at.reset(token)


def seconds_left() -> float | None:
    """Return the time left until the deadline, never less than 0; None without a deadline."""
    ends_at = _ends_at.get()
    return None if ends_at is None else max(0.0, ends_at - asyncio.get_running_loop().time())


def forget_deadline() -> None:
    """Let this task go on past the deadline that it inherited."""
    _ends_at.set(None)
