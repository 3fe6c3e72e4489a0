"""The HTTP client that all upstream calls share; the one module that imports httpx."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any, NoReturn

import httpx

from core.asgi import PerLoop
from core.upstreams.declaration import Upstream, declared_upstreams
from core.upstreams.failures import Reason, UpstreamError


@PerLoop
async def http_client() -> AsyncGenerator[httpx.AsyncClient]:
    """Keeps connections open between requests; timeouts come with each call."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
    async with httpx.AsyncClient(limits=limits, headers={"accept": "application/json"}) as client:
        yield client


async def fetch(name: str) -> dict[str, Any]:
    """Get an upstream's answer, a JSON object.

    Raises:
        UpstreamError: whatever went wrong on the way, by its `Reason`.
        LookupError: no upstream of that name is declared.
    """
    upstream = _declared(name)
    client = await http_client.get()
    try:
        # httpx's own timeouts are per operation: a body that drips outlasts them all.
        async with asyncio.timeout(upstream.timeout):
            body = await _read(client, upstream)
    except (TimeoutError, httpx.TimeoutException):
        detail = f"No complete answer within {upstream.timeout:g} s."
        raise UpstreamError(name, Reason.TIMEOUT, detail) from None
    except httpx.DecodingError as error:
        raise UpstreamError(name, Reason.INVALID, "The body could not be decoded.") from error
    except httpx.RequestError as error:
        raise UpstreamError(name, Reason.CONNECT, "The connection failed.") from error
    return _parse(upstream, body)


def _declared(name: str) -> Upstream:
    upstreams = declared_upstreams()
    if name not in upstreams:
        known = ", ".join(upstreams) or "none"
        raise LookupError(
            f"No upstream {name!r} is declared in config/upstreams.py; known: {known}"
        )
    return upstreams[name]


async def _read(client: httpx.AsyncClient, upstream: Upstream) -> bytes:
    """Return the body of a successful answer, reading no more of it than is allowed."""
    request = client.stream("GET", upstream.address, timeout=upstream.timeout)
    async with request as response:
        if not response.is_success:
            detail = f"Answered with status {response.status_code}."
            raise UpstreamError(upstream.name, Reason.STATUS, detail)
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > upstream.max_bytes:
                detail = f"The answer is longer than {upstream.max_bytes} bytes."
                raise UpstreamError(upstream.name, Reason.TOO_LARGE, detail)
        return bytes(body)


def _parse(upstream: Upstream, body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise UpstreamError(upstream.name, Reason.INVALID, "The body is not JSON.") from error
    if not isinstance(answer, dict):
        raise UpstreamError(upstream.name, Reason.INVALID, "The body is not a JSON object.")
    return answer


def _refuse_constant(constant: str) -> NoReturn:
    """NaN and the infinities are not JSON (RFC 8259, section 6)."""
    raise ValueError(f"{constant} is not JSON")
