"""A circuit breaker: an upstream that keeps failing is left alone for a while.

https://learn.microsoft.com/azure/architecture/patterns/circuit-breaker
"""

import logging
import time
from enum import StrEnum
from weakref import WeakKeyDictionary

from core.upstreams.declaration import Upstream
from core.upstreams.failures import Reason, UpstreamError

logger = logging.getLogger(__name__)


class State(StrEnum):
    """What a breaker does with the next call."""

    CLOSED = "closed"
    """Lets it through: all is well."""
    OPEN = "open"
    """Refuses it: the upstream is left alone."""
    HALF_OPEN = "half_open"
    """Lets it through, and no other until it is known how it went."""


class Breaker:
    """Counts an upstream's failures in a row, over all event loops of this process."""

    def __init__(self, upstream: Upstream) -> None:
        self._name = upstream.name
        self._limit = upstream.breaker_failures
        self._recovery = upstream.breaker_recovery
        self._failures = 0
        self._opened_at: float | None = None
        self._probing = False

    @property
    def state(self) -> State:
        if self._opened_at is None:
            return State.CLOSED
        if time.monotonic() < self._opened_at + self._recovery:
            return State.OPEN
        return State.HALF_OPEN

    def admit(self) -> bool:
        """Let an attempt through; it has to end in `succeeded`, `failed` or `abandoned`.

        Returns:
            Whether it is the probe that decides if the circuit closes; for those three to know.

        Raises:
            UpstreamError: `circuit_open`.
        """
        if self._opened_at is None:
            return False
        if self._probing or self.state is State.OPEN:
            detail = f"Not asked: it failed {self._failures} times in a row."
            raise UpstreamError(self._name, Reason.CIRCUIT_OPEN, detail)
        self._probing = True
        return True

    def succeeded(self, probe: bool) -> None:
        """The upstream answered, whatever it said."""
        if probe:
            self._opened_at = None
            self._probing = False
            logger.info("Upstream '%s' answers again; its circuit is closed", self._name)
        if self._opened_at is None:
            self._failures = 0

    def failed(self, probe: bool) -> None:
        """The upstream did not answer, or with an error of its own."""
        self._failures += 1
        if probe:
            self._probing = False
            self._opened_at = time.monotonic()
        elif self._opened_at is None and self._failures >= self._limit:
            self._opened_at = time.monotonic()
            logger.warning(
                "Upstream '%s' failed %d times in a row; its circuit is open for %g s",
                self._name,
                self._failures,
                self._recovery,
            )

    def abandoned(self, probe: bool) -> None:
        """The caller left before it was known; that says nothing about the upstream."""
        if probe:
            self._probing = False


_breakers: WeakKeyDictionary[Upstream, Breaker] = WeakKeyDictionary()


def breaker_of(upstream: Upstream) -> Breaker:
    """Return the one breaker that this process has for an upstream."""
    breaker = _breakers.get(upstream)
    if breaker is None:
        breaker = _breakers.setdefault(upstream, Breaker(upstream))
    return breaker
