"""Bearer tokens, verified by the upstream `auth` (RFC 7662), for the paths that ask for them.

`EXTERNAL_AUTH_PATHS` in the settings turns it on. Views find who called in
`request.external_user`; `AuthenticatedRequest` is the type of their request.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import async_only_middleware

from core.errors import refusal, upstream_problem
from core.upstreams import Reason, UpstreamError, declared_upstreams, fetch

KEPT_FOR = 30.0
"""Seconds for which an answer about a token is kept; a token taken back works for no longer."""
MOST_KEPT = 10_000
"""How many tokens a process knows; as many again that it knows to be worth nothing."""
RETRY_AFTER = 5
"""Seconds after which a caller may try again when the upstream could not be asked."""

# RFC 6750, sections 2.1 and, for the challenges below, 3
BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*) *", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ExternalUser:
    """Whom a token speaks for.

    Attributes:
        subject: the `sub` of the answer, empty if it has none.
        scopes: what the token may be used for.
        claims: the whole answer.
    """

    subject: str
    scopes: frozenset[str]
    claims: Mapping[str, Any]


class AuthenticatedRequest(HttpRequest):
    """A request to a path of `EXTERNAL_AUTH_PATHS`."""

    external_user: ExternalUser


@async_only_middleware
def external_auth(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Let requests to the paths of `EXTERNAL_AUTH_PATHS` pass with a valid bearer token only.

    The answer is 401 if there is none, and 503 if it could not be found out.

    Raises:
        MiddlewareNotUsed: no path asks for it; requests then do not come through here at all.
        ImproperlyConfigured: a path that would protect nothing, or no upstream to ask.
    """
    paths = tuple(settings.EXTERNAL_AUTH_PATHS)
    if not paths:
        raise MiddlewareNotUsed
    for path in paths:
        if not path.startswith("/"):
            raise ImproperlyConfigured(f"EXTERNAL_AUTH_PATHS: {path!r} has to start with a slash.")
    if "auth" not in declared_upstreams():
        raise ImproperlyConfigured("EXTERNAL_AUTH_PATHS needs UPSTREAM_AUTH_URL.")

    async def middleware(request: HttpRequest) -> Any:
        if request.path_info.startswith(paths):
            refused = await _authenticate(request)
            if refused is not None:
                return refused
        return await get_response(request)

    return middleware


async def _authenticate(request: HttpRequest) -> HttpResponse | None:
    authorization = request.headers.get("Authorization", "")
    if authorization[:6].lower() != "bearer":
        return _unauthorized(
            'Bearer realm="api"', "missing", "Send a bearer token in the Authorization header."
        )
    match = BEARER.fullmatch(authorization)
    try:
        user = await verify(match[1]) if match else None
    except UpstreamError as error:
        return upstream_problem(
            error, HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": str(RETRY_AFTER)}
        )
    if user is None:
        return _unauthorized(
            'Bearer realm="api", error="invalid_token"',
            "invalid",
            "The token is not valid, or not any more.",
        )
    request.external_user = user  # type: ignore[attr-defined]
    return None


def _unauthorized(challenge: str, reason: str, detail: str) -> HttpResponse:
    return refusal(
        HTTPStatus.UNAUTHORIZED,
        "authorization",
        reason,
        detail,
        headers={"WWW-Authenticate": challenge},
    )


async def verify(token: str) -> ExternalUser | None:
    """Return whom a token speaks for, None if it is not valid.

    Raises:
        UpstreamError: `auth` could not be asked, or answered something else.
    """
    # What is kept must be of no use to one who can read it.
    key = sha256(token.encode()).digest()
    now = time.monotonic()
    kept = _active.get(key) or _inactive.get(key)
    if kept is not None and now < kept.until:
        return kept.user
    answer = await fetch("auth", method="POST", data={"token": token}, idempotent=True)
    if not isinstance(answer.get("active"), bool):
        raise UpstreamError("auth", Reason.INVALID, "It does not say whether the token is active.")
    left = _seconds_left(answer)
    if not answer["active"] or left <= 0:
        _keep(_inactive, key, _Kept(None, now + KEPT_FOR))
        return None
    user = ExternalUser(
        subject=str(answer.get("sub", "")),
        scopes=frozenset(str(answer.get("scope", "")).split()),
        claims=MappingProxyType(answer),
    )
    _keep(_active, key, _Kept(user, now + min(KEPT_FOR, left)))
    return user


def _seconds_left(answer: Mapping[str, Any]) -> float:
    """Return how long a token still is valid, by the `exp` of its answer, if it has one."""
    expires = answer.get("exp")
    return expires - time.time() if isinstance(expires, int | float) else KEPT_FOR


@dataclass(frozen=True, slots=True)
class _Kept:
    user: ExternalUser | None
    until: float


# Two, so that no flood of made-up tokens pushes the real ones out.
_active: dict[bytes, _Kept] = {}
_inactive: dict[bytes, _Kept] = {}


def _keep(cache: dict[bytes, _Kept], key: bytes, kept: _Kept) -> None:
    _active.pop(key, None)
    _inactive.pop(key, None)
    cache[key] = kept
    while len(cache) > MOST_KEPT:
        del cache[next(iter(cache))]
