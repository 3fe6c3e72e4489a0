"""Answers that are kept: to share one call among all who ask, and for want of a newer one."""

import asyncio
import contextvars
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass, field
from typing import Any

from core.upstreams.context import forget_deadline, seconds_left
from core.upstreams.failures import Failure, Reason, UpstreamError

MOST_KEPT = 1000
"""How many answers a process keeps; beyond that the oldest goes."""

type Call = Callable[[], Coroutine[Any, Any, dict[str, Any]]]


class Answer(dict[str, Any]):
    """The JSON object that an upstream answered.

    Attributes:
        age: seconds since it was answered.
        failure: why there is no newer one; None if there was no need for one.
    """

    age: float = 0.0
    failure: Failure | None = None


async def kept_or_called(
    name: str, key: Hashable, call: Call, *, fresh: float, stale: float
) -> Answer:
    """Return an answer not older than `fresh` seconds, or than `stale` if the call fails.

    Those who ask for the same key at the same time share one call. It goes on until the last of
    them has left, and its time is the upstream's own, whatever their deadlines are.

    Raises:
        UpstreamError: the call failed, and no answer is young enough.
    """
    kept = _kept.get(key)
    if kept is not None and kept.age() < fresh:
        return kept.answer()
    try:
        async with asyncio.timeout(seconds_left()):
            return Answer(await _shared(key, call))
    except TimeoutError:
        detail = "Not done within the time for all upstreams."
        error = UpstreamError(name, Reason.DEADLINE, detail)
    except UpstreamError as failed:
        error = failed
    kept = _kept.get(key)
    if kept is None or kept.age() >= stale:
        raise error
    return kept.answer(error.failure)


@dataclass(frozen=True, slots=True)
class _Kept:
    content: dict[str, Any]
    since: float = field(default_factory=time.monotonic)

    def age(self) -> float:
        return time.monotonic() - self.since

    def answer(self, failure: Failure | None = None) -> Answer:
        answer = Answer(self.content)
        answer.age = self.age()
        answer.failure = failure
        return answer


_kept: OrderedDict[Hashable, _Kept] = OrderedDict()


def _keep(key: Hashable, content: dict[str, Any]) -> None:
    _kept[key] = _Kept(content)
    _kept.move_to_end(key)
    while len(_kept) > MOST_KEPT:
        _kept.popitem(last=False)


@dataclass(slots=True)
class _Flight:
    """A call under way, and how many wait for it."""

    task: asyncio.Task[dict[str, Any]]
    waiting: int = 0


_flights: dict[tuple[asyncio.AbstractEventLoop, Hashable], _Flight] = {}


async def _shared(key: Hashable, call: Call) -> dict[str, Any]:
    place = (asyncio.get_running_loop(), key)
    flight = _flights.get(place)
    if flight is None:
        flight = _flights[place] = _Flight(_start(key, call))
    flight.waiting += 1
    try:
        # One who leaves cancels the wait, not the call.
        return await asyncio.shield(flight.task)
    finally:
        flight.waiting -= 1
        if flight.waiting == 0:
            flight.task.cancel()
            if _flights.get(place) is flight:
                del _flights[place]


def _start(key: Hashable, call: Call) -> asyncio.Task[dict[str, Any]]:
    async def call_and_keep() -> dict[str, Any]:
        content = await call()
        _keep(key, content)
        return content

    context = contextvars.copy_context()
    context.run(forget_deadline)
    return asyncio.get_running_loop().create_task(call_and_keep(), context=context)
