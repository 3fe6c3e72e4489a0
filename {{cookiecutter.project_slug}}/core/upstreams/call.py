"""One call to an upstream: in its turn, within its time, tried again where that may help."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, NoReturn

import httpx
import stamina

from core.asgi import PerLoop
from core.upstreams.breaker import breaker_of
from core.upstreams.context import counted_calls, seconds_left
from core.upstreams.declaration import Upstream
from core.upstreams.failures import Reason, UpstreamError
from core.upstreams.http import Question, exchange, new_transport
from core.upstreams.limit import Limit

logger = logging.getLogger(__name__)

# RFC 9110, section 9.2.2
IDEMPOTENT_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"}


@PerLoop
async def connections() -> AsyncGenerator["_Connections"]:
    """The connections to all upstreams, kept open between calls and closed with the event loop."""
    async with new_transport() as transport:
        yield _Connections(transport)


async def call(upstream: Upstream, question: Question) -> dict[str, Any]:
    """Ask an upstream and return its answer, a JSON object.

    Raises:
        UpstreamError: whatever went wrong on the way, by its `Reason`.
    """
    channel = (await connections.get()).channel(upstream)
    end = _end(upstream)
    started = time.perf_counter()
    try:
        body = await channel.attempt(question, end)
    except UpstreamError as error:
        repeatable = question.idempotent or question.method in IDEMPOTENT_METHODS
        if not repeatable or _pause(error, end) is False:
            raise
        body = await channel.attempt_again(question, end, error)
    finally:
        calls = counted_calls.get()
        if calls is not None:
            calls.count += 1
            calls.seconds += time.perf_counter() - started
    return _parse(upstream, body)


@dataclass(frozen=True, slots=True)
class _End:
    """When a call has to be over, by the event loop's clock, and the failure if it is not."""

    at: float
    reason: Reason
    detail: str


def _end(upstream: Upstream) -> _End:
    now = asyncio.get_running_loop().time()
    left = seconds_left()
    if left is not None and left < upstream.timeout:
        return _End(now + left, Reason.DEADLINE, "Not done within the time for all upstreams.")
    detail = f"No complete answer within {upstream.timeout:g} s."
    return _End(now + upstream.timeout, Reason.TIMEOUT, detail)


def _pause(error: Exception, end: _End) -> bool | float:
    """Say whether to try again: not, after the usual pause, or after that many seconds."""
    if not isinstance(error, UpstreamError):
        return False
    if isinstance(error.retry, bool):
        return error.retry
    in_time = asyncio.get_running_loop().time() + error.retry < end.at
    return error.retry if in_time else False


class _Connections:
    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport
        self._channels: dict[Upstream, _Channel] = {}

    def channel(self, upstream: Upstream) -> "_Channel":
        channel = self._channels.get(upstream)
        if channel is None:
            channel = self._channels[upstream] = _Channel(upstream, self._transport)
        return channel


class _Channel:
    """The way to one upstream: so many calls at once, and none while it is left alone."""

    def __init__(self, upstream: Upstream, transport: httpx.AsyncBaseTransport) -> None:
        self._upstream = upstream
        self._transport = transport
        self._limit = Limit(upstream)
        self._breaker = breaker_of(upstream)

    async def attempt(self, question: Question, end: _End) -> bytes:
        """Return the body of a successful answer, and tell the breaker how it went."""
        probe = self._breaker.admit()
        try:
            async with asyncio.timeout_at(end.at), self._limit:
                body = await exchange(self._transport, self._upstream, question)
        except TimeoutError:
            if end.reason is Reason.TIMEOUT:
                self._breaker.failed(probe)
            else:
                self._breaker.abandoned(probe)
            raise UpstreamError(self._upstream.name, end.reason, end.detail) from None
        except UpstreamError as error:
            if error.failure.reason is Reason.CIRCUIT_OPEN:
                self._breaker.abandoned(probe)
            elif error.is_outage:
                self._breaker.failed(probe)
            else:
                self._breaker.succeeded(probe)
            raise
        except BaseException:
            self._breaker.abandoned(probe)
            raise
        self._breaker.succeeded(probe)
        return body

    async def attempt_again(
        self, question: Question, end: _End, last_error: UpstreamError
    ) -> bytes:
        """Go on after a first attempt that failed.

        That one is made without this machinery: most calls succeed, and it costs.
        """
        untried: UpstreamError | None = last_error

        async def attempt() -> bytes:
            nonlocal untried, last_error
            if untried is not None:
                error, untried = untried, None
                raise error
            logger.info("Trying again after %s", last_error)
            try:
                return await self.attempt(question, end)
            except UpstreamError as error:
                last_error = error
                raise

        retrying = stamina.AsyncRetryingCaller(
            attempts=1 + self._upstream.retries,
            timeout=None,
            wait_initial=0.05,
            wait_max=1.0,
            wait_jitter=0.1,
        )
        try:
            async with asyncio.timeout_at(end.at):
                return await retrying.on(lambda error: _pause(error, end))(attempt)
        except TimeoutError:
            # In a pause: what failed before it says more than that the time was over.
            raise last_error from None


def _refuse_constant(constant: str) -> NoReturn:
    """NaN and the infinities are not JSON (RFC 8259, section 6)."""
    raise ValueError(f"{constant} is not JSON")


_json = json.JSONDecoder(parse_constant=_refuse_constant)


def _parse(upstream: Upstream, body: bytes) -> dict[str, Any]:
    try:
        answer = _json.decode(body.decode())
    except (ValueError, RecursionError) as error:
        raise UpstreamError(upstream.name, Reason.INVALID, "The body is not JSON.") from error
    if not isinstance(answer, dict):
        raise UpstreamError(upstream.name, Reason.INVALID, "The body is not a JSON object.")
    return answer
