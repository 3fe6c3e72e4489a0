"""What is known of an upstream before it is called."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Upstream:
    """A service that this one calls.

    Attributes:
        name: what views, logs and error messages call it.
        url: its base URL, http or https, without query.
        path: the path below the base URL that `fetch` gets, with a leading slash.
        timeout: seconds from the call to the last byte of the answer, everything included.
        max_bytes: the largest answer that is read, in bytes after decompression.
    """

    name: str
    url: str
    path: str
    timeout: float = 2.0
    max_bytes: int = 1024 * 1024

    @property
    def address(self) -> str:
        """The URL that `fetch` gets."""
        return self.url.rstrip("/") + self.path

    def problems(self) -> Iterator[str]:
        """Say what keeps this declaration from working, a sentence each."""
        url = urlsplit(self.url)
        if url.scheme not in {"http", "https"} or not url.hostname:
            yield f"the URL must start with http:// or https:// and name a host, not {self.url!r}."
        elif url.query or url.fragment:
            yield f"the URL must have no query and no fragment, as {self.url!r} has."
        if not self.path.startswith("/"):
            yield f"the path must start with a slash, not {self.path!r}."
        if not 0 < self.timeout < float("inf"):
            yield f"the timeout must be a number of seconds above 0, not {self.timeout!r}."
        if self.max_bytes <= 0:
            yield f"max_bytes must be above 0, not {self.max_bytes!r}."


def declared_upstreams() -> dict[str, Upstream]:
    """Return the upstreams of the settings by name."""
    upstreams: dict[str, Upstream] = settings.UPSTREAMS
    return upstreams
