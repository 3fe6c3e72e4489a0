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
    """The answer's status was not a success; redirects are not followed."""
    INVALID = "invalid"
    """The answer was not a JSON object, or could not be used."""
    TOO_LARGE = "too_large"
    """The answer was longer than the upstream may send."""
    DEADLINE = "deadline"
    """The time for all upstreams together was over."""


LABELS = {
    Reason.TIMEOUT: "Too slow",
    Reason.CONNECT: "Not reachable",
    Reason.STATUS: "Answered with an error",
    Reason.INVALID: "Answered with something else",
    Reason.TOO_LARGE: "Answered with too much",
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
    """

    def __init__(self, name: str, reason: Reason, detail: str) -> None:
        super().__init__(name, reason, detail)
        self.name = name
        self.failure = Failure(reason, detail)

    def __str__(self) -> str:
        return f"{self.name}: {self.failure.detail} ({self.failure.reason})"
