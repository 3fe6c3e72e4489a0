"""How a call to an upstream can fail."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why there is no answer; the values are part of the JSON that clients read."""

    TIMEOUT = "timeout"
    """The upstream did not finish its answer within its own timeout."""
    CONNECT = "connect"
    """There was no connection, or it broke before the answer was complete."""
    STATUS = "status"
    """The answer's status was not a success."""
    INVALID = "invalid"
    """The answer was not a JSON object, or could not be used."""
    TOO_LARGE = "too_large"
    """The answer was longer than the upstream may send."""
    CIRCUIT_OPEN = "circuit_open"
    """It was not asked: it failed too often lately, or too many calls wait for it already."""
    DEADLINE = "deadline"
    """The time for all upstreams together was over."""


LABELS = {
    Reason.TIMEOUT: "Too slow",
    Reason.CONNECT: "Not reachable",
    Reason.STATUS: "Answered with an error",
    Reason.INVALID: "Answered with something else",
    Reason.TOO_LARGE: "Answered with too much",
    Reason.CIRCUIT_OPEN: "Left alone for now",
    Reason.DEADLINE: "Out of time",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """One part of a fan-out that could not be had."""

    reason: Reason
    detail: str

    @property
    def label(self) -> str:
        """The reason in words."""
        return LABELS[self.reason]

    def as_json(self) -> dict[str, str]:
        return {"reason": self.reason.value, "detail": self.detail}


class UpstreamError(Exception):
    """A call failed.

    Attributes:
        name: the upstream, or the part of a fan-out.
        failure: why, for programs (`reason`) and for people (`detail`).
        status: the status of the answer, if that is what was wrong.
        retry: whether another attempt may help; seconds, where the upstream asked for them.
    """

    def __init__(
        self,
        name: str,
        reason: Reason,
        detail: str,
        *,
        status: int | None = None,
        retry: bool | float = False,
    ) -> None:
        super().__init__(name, reason, detail)
        self.name = name
        self.failure = Failure(reason, detail)
        self.status = status
        self.retry = retry

    @property
    def is_outage(self) -> bool:
        """Whether it speaks of the upstream's health, and not of this one question."""
        if self.status is not None:
            return self.status >= 500 or self.status == 429
        return self.failure.reason in {Reason.TIMEOUT, Reason.CONNECT}

    def __str__(self) -> str:
        return f"{self.name}: {self.failure.detail} ({self.failure.reason})"
