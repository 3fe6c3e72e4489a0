"""One HTTP exchange with an upstream; the one module that imports httpx, and aiohttp below it.

httpx is the interface: its requests, responses, exceptions and transports, so that what people
know of testing with it (`MockTransport`, respx, pytest-httpx) works here. aiohttp moves the
bytes: httpx's own connection pool slows down as connections grow.
"""

import zlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any
from urllib.request import getproxies, proxy_bypass
from weakref import WeakKeyDictionary

import aiohttp
import httpx
from django.conf import settings

from core.upstreams.context import forwarded_headers
from core.upstreams.declaration import Upstream
from core.upstreams.failures import Reason, UpstreamError

RETRIED_STATUSES = {429, 502, 503, 504}
KEEP_ALIVE = 60.0
"""Seconds that an idle connection is kept."""


@dataclass(frozen=True, slots=True)
class Question:
    """What an upstream is asked; most fields are arguments of `httpx.Request`.

    Attributes:
        path: below the upstream's base URL; None for the one that it declares.
        idempotent: whether it may be asked again, whatever the method.
    """

    method: str = "GET"
    path: str | None = None
    params: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None
    json: Any = None
    data: Mapping[str, Any] | None = None
    idempotent: bool = False


def new_transport() -> httpx.AsyncBaseTransport:
    """Return what moves the bytes, to be shared by all calls of an event loop.

    `settings.UPSTREAM_TRANSPORT`, a callable without arguments, puts another one in its place:
    `httpx.AsyncHTTPTransport` for respx and pytest-httpx, or one that makes a `MockTransport`.
    """
    make_transport = getattr(settings, "UPSTREAM_TRANSPORT", AiohttpTransport)
    transport: httpx.AsyncBaseTransport = make_transport()
    return transport


async def exchange(
    transport: httpx.AsyncBaseTransport, upstream: Upstream, question: Question
) -> bytes:
    """Send one request and return the body of a successful answer.

    Raises:
        UpstreamError: `connect`, `timeout`, `status`, `too_large`, or `invalid` for a body that
            cannot be decompressed.
    """
    try:
        response = await _send(transport, upstream, _request(upstream, question))
        try:
            if not response.is_success:
                raise _status_error(upstream, response)
            return await _read(upstream, response)
        finally:
            await response.aclose()
    except httpx.TimeoutException as error:
        detail = "No connection in time." if _connecting(error) else "It fell silent."
        raise UpstreamError(upstream.name, Reason.TIMEOUT, detail, retry=True) from error
    except (httpx.ConnectError, httpx.ProxyError) as error:
        detail = "No connection could be made."
        raise UpstreamError(upstream.name, Reason.CONNECT, detail, retry=True) from error
    except httpx.TooManyRedirects as error:
        raise UpstreamError(upstream.name, Reason.STATUS, "Too many redirects.") from error
    except httpx.RequestError as error:
        detail = "The connection broke before the answer was complete."
        raise UpstreamError(upstream.name, Reason.CONNECT, detail, retry=True) from error


def _connecting(error: httpx.TimeoutException) -> bool:
    return isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout)


def _request(upstream: Upstream, question: Question) -> httpx.Request:
    common = _common_of.get(upstream)
    if common is None:
        common = _common_of[upstream] = _Common(upstream)
    url = common.url
    if question.path is not None:
        url = httpx.URL(upstream.url.rstrip("/") + question.path)
    request = httpx.Request(
        question.method,
        url,
        params=question.params,
        headers=common.headers,
        json=question.json,
        data=question.data,
        # Given, so that it is not worked out anew for each request that has no body.
        stream=_NO_BODY if question.json is None and question.data is None else None,
        extensions=common.extensions,
    )
    for name, value in forwarded_headers.get():
        request.headers[name] = value
    if question.headers:
        request.headers.update(question.headers)
    return request


_NO_BODY = httpx.ByteStream(b"")


class _Common:
    """What all requests to an upstream have in common, worked out once."""

    def __init__(self, upstream: Upstream) -> None:
        self.url = httpx.URL(upstream.url.rstrip("/") + upstream.path)
        self.headers = httpx.Headers(
            {
                "host": self.url.netloc.decode("ascii"),
                "accept": "application/json",
                "accept-encoding": "gzip, deflate",
            }
        )
        if upstream.authorization:
            self.headers["authorization"] = upstream.authorization
        timeout = httpx.Timeout(
            upstream.timeout,
            connect=upstream.connect_timeout,
            read=upstream.read_timeout or upstream.timeout,
        )
        self.extensions = {"timeout": timeout.as_dict()}


_common_of: WeakKeyDictionary[Upstream, _Common] = WeakKeyDictionary()


async def _send(
    transport: httpx.AsyncBaseTransport, upstream: Upstream, request: httpx.Request
) -> httpx.Response:
    if upstream.follow_redirects:
        client = httpx.AsyncClient(transport=transport, trust_env=False)
        return await client.send(request, stream=True, follow_redirects=True)
    # Without a client around it: cookies, redirects and authentication are more work than the
    # rest of the call, and a declared upstream needs none of it.
    return await transport.handle_async_request(request)


def _status_error(upstream: Upstream, response: httpx.Response) -> UpstreamError:
    retry: bool | float = response.status_code in RETRIED_STATUSES
    if retry and "retry-after" in response.headers:
        retry = _retry_after(response.headers["retry-after"])
    status = response.status_code
    detail = f"Answered with status {status}."
    return UpstreamError(upstream.name, Reason.STATUS, detail, status=status, retry=retry)


def _retry_after(value: str) -> bool | float:
    """Return the seconds that a Retry-After header asks for; True if it cannot be read.

    Protocol: RFC 9110, section 10.2.3
    """
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return True
    return max(0.0, (moment - datetime.now(UTC)).total_seconds()) if moment.tzinfo else True


async def _read(upstream: Upstream, response: httpx.Response) -> bytes:
    """Read no more of a body than is allowed, neither before nor after decompression."""
    body = bytearray()
    async for chunk in response.stream:  # type: ignore[union-attr]
        body += chunk
        if len(body) > upstream.max_bytes:
            raise _too_large(upstream)
    if "content-encoding" not in response.headers:
        return bytes(body)
    encoding = response.headers["content-encoding"].strip().lower()
    if encoding not in {"gzip", "deflate"}:
        detail = f"The body is encoded as {encoding!r}, which was not asked for."
        raise UpstreamError(upstream.name, Reason.INVALID, detail)
    return _decompress(upstream, bytes(body))


def _decompress(upstream: Upstream, body: bytes) -> bytes:
    decompressor = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # gzip or zlib, as its header says
    try:
        content = decompressor.decompress(body, upstream.max_bytes + 1)
    except zlib.error as error:
        detail = "The body could not be decompressed."
        raise UpstreamError(upstream.name, Reason.INVALID, detail) from error
    if len(content) > upstream.max_bytes:
        raise _too_large(upstream)
    if not decompressor.eof:
        detail = "The compressed body ends too early."
        raise UpstreamError(upstream.name, Reason.INVALID, detail)
    return content


def _too_large(upstream: Upstream) -> UpstreamError:
    detail = f"The answer is longer than {upstream.max_bytes} bytes."
    return UpstreamError(upstream.name, Reason.TOO_LARGE, detail)


class AiohttpTransport(httpx.AsyncBaseTransport):
    """An httpx transport over one aiohttp session, with proxies from the environment."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            # How many connections there may be is up to each upstream's own limit.
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=["user-agent"],
        )
        self._proxy_of = cache(_environment_proxy)
        self._timeout_of = cache(_client_timeout)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its answer as soon as the headers are there.

        Raises:
            httpx.TransportError: of the class that httpx's own transport would raise.
        """
        timeout = request.extensions.get("timeout", {})
        try:
            response = await self._session.request(
                request.method,
                str(request.url),
                headers=[(name.decode(), value.decode()) for name, value in request.headers.raw],
                data=await request.aread() or None,
                allow_redirects=False,
                timeout=self._timeout_of(timeout.get("connect"), timeout.get("read")),
                proxy=self._proxy_of(request.url.scheme, request.url.host),
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _as_httpx(error, request) from error
        answer = httpx.Response(
            response.status,
            headers=response.raw_headers,
            stream=_AiohttpStream(response, request),
            request=request,
        )
        # Said, because httpx else finds it out by decoding every header in turn.
        answer.headers.encoding = "latin-1"
        return answer

    async def aclose(self) -> None:
        await self._session.close()


class _AiohttpStream(httpx.AsyncByteStream):
    def __init__(self, response: aiohttp.ClientResponse, request: httpx.Request) -> None:
        self._response = response
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _as_httpx(error, self._request) from error

    async def aclose(self) -> None:
        # Keeps the connection if the body was read to its end, and closes it if not.
        self._response.release()


def _client_timeout(connect: float | None, read: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=connect, sock_read=read)


def _environment_proxy(scheme: str, host: str) -> str | None:
    """Return the proxy of HTTP_PROXY and its kin, unless NO_PROXY names the host."""
    return None if proxy_bypass(host) else getproxies().get(scheme)


def _as_httpx(error: Exception, request: httpx.Request) -> httpx.RequestError:
    """Return the exception that httpx's own transport would raise."""
    classes: dict[type[Exception], type[httpx.RequestError]] = {
        aiohttp.ConnectionTimeoutError: httpx.ConnectTimeout,
        TimeoutError: httpx.ReadTimeout,
        aiohttp.ClientProxyConnectionError: httpx.ProxyError,
        aiohttp.ClientHttpProxyError: httpx.ProxyError,
        aiohttp.ClientConnectorError: httpx.ConnectError,
        aiohttp.ClientOSError: httpx.ReadError,
    }
    for kind, as_httpx in classes.items():
        if isinstance(error, kind):
            return as_httpx(str(error), request=request)
    return httpx.RemoteProtocolError(str(error), request=request)
