"""What is known of an upstream before it is called."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.conf import settings


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, weakref_slot=True)
class Upstream:
    """A service that this one calls. Times are in seconds, sizes in bytes.

    Attributes:
        name: what views, logs and error messages call it.
        url: its base URL, http or https, without query.
        path: the path below the base URL that `fetch` asks by default, with a leading slash.
        authorization: what the Authorization header says, such as `Bearer …`; empty for none.
        timeout: from the call to the last byte of the answer, waiting and retries included.
        connect_timeout: for a connection to be made.
        read_timeout: the longest silence in the middle of an answer; None for `timeout`.
        retries: further attempts after one that failed and may be repeated.
        concurrency: how many calls may be under way at once in this process.
        queue: how many more may wait for their turn; beyond that a call fails at once.
        breaker_failures: failures in a row after which the upstream is left alone for a while.
        breaker_recovery: how long it is left alone, before one call tries again.
        max_bytes: the largest answer that is read, after decompression.
        follow_redirects: whether to go where a redirect points.
    """

    name: str
    url: str
    path: str
    authorization: str = field(default="", repr=False)
    timeout: float = 2.0
    connect_timeout: float = 1.0
    read_timeout: float | None = None
    retries: int = 2
    concurrency: int = 100
    queue: int = 100
    breaker_failures: int = 10
    breaker_recovery: float = 5.0
    max_bytes: int = 1024 * 1024
    follow_redirects: bool = False

    def problems(self) -> Iterator[str]:
        """Say what keeps this declaration from working, a sentence each."""
        # None while the variable is missing, which is reported as such.
        if self.url is not None:
            yield from self._url_problems()
        if not self.path.startswith("/"):
            yield f"the path must start with a slash, not {self.path!r}."
        if not (self.authorization or "").isprintable():
            yield "the authorization must be one line without control characters."
        for name in ("timeout", "connect_timeout", "read_timeout", "breaker_recovery"):
            seconds = getattr(self, name)
            if seconds is not None and not 0 < seconds < math.inf:
                yield f"{name} must be a number of seconds above 0, not {seconds!r}."
        for name, least in {
            "retries": 0,
            "concurrency": 1,
            "queue": 0,
            "breaker_failures": 1,
            "max_bytes": 1,
        }.items():
            number = getattr(self, name)
            if number < least:
                yield f"{name} must be {least} or more, not {number!r}."

    def _url_problems(self) -> Iterator[str]:
        try:
            url = urlsplit(self.url)
            has_host = bool(url.hostname) and url.port != 0
        except ValueError as error:
            yield f"the URL cannot be read: {error}."
            return
        if url.scheme not in {"http", "https"} or not has_host:
            yield f"the URL must start with http:// or https:// and name a host, not {self.url!r}."
        elif url.query or url.fragment:
            yield f"the URL must have no query and no fragment, as {self.url!r} has."
        elif url.username or url.password:
            yield "the URL must not hold a password; use the authorization for that."


def declared_upstreams() -> dict[str, Upstream]:
    """Return the upstreams of the settings by name."""
    upstreams: dict[str, Upstream] = settings.UPSTREAMS
    return upstreams


def declared_upstream(name: str) -> Upstream:
    """Return one upstream.

    Raises:
        LookupError: none of that name is declared.
    """
    upstreams = declared_upstreams()
    if name not in upstreams:
        known = ", ".join(upstreams) or "none"
        raise LookupError(
            f"No upstream {name!r} is declared in config/upstreams.py; known: {known}"
        )
    return upstreams[name]
