"""One event, and how it is written on a stream.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.core.serializers.json import DjangoJSONEncoder

NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
"""What topics and types are called."""
MOST_BYTES = 64 * 1024
"""How long the data of an event may be, as JSON."""
MOST_TOPICS = 20
"""How many topics there may be on one connection."""

LINE_BREAK = re.compile(r"\r\n|\r|\n")
POSITION = re.compile(r"[0-9]{1,19}")
LARGEST_POSITION = 2**63 - 1


class InvalidEventError(ValueError):
    """An event that cannot be published; the message says why."""


@dataclass(frozen=True)
class Event:
    """Something that happened.

    Attributes:
        topic: what it is about; those who listen choose by it.
        id: higher than that of any earlier event of its topic.
        type: the name under which a browser hears of it.
        content: its data, as JSON.
    """

    topic: str
    id: int
    type: str
    content: str

    @property
    def data(self) -> Any:
        return json.loads(self.content)

    @cached_property
    def body(self) -> bytes:
        """The event on a stream, but for its id."""
        return encode(event=self.type, data=self.content) + b"\n"

    @cached_property
    def block(self) -> bytes:
        """The whole event on a stream of its topic alone; the same bytes for all who listen."""
        return encode(id=str(self.id)) + self.body


def checked(topic: str, type: str, data: Any) -> tuple[str, str, str]:  # noqa: A002
    """Return what an engine keeps: topic, type, and the data as JSON.

    Raises:
        InvalidEventError: a name is not one, or the data is no JSON or too long.
    """
    for what, name in (("topic", topic), ("type", type)):
        if not NAME.fullmatch(name):
            raise InvalidEventError(
                f"The {what} {name!r} is not made of 1 to 100 letters, digits, dots, dashes and "
                "underscores."
            )
    try:
        content = json.dumps(data, cls=DjangoJSONEncoder, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise InvalidEventError(f"The data cannot be written as JSON: {error}") from error
    if len(content) > MOST_BYTES:
        raise InvalidEventError(
            f"The data is {len(content)} bytes of JSON, more than {MOST_BYTES}: publish where it "
            "can be fetched instead."
        )
    return topic, type, content


def encode(
    *,
    id: str | None = None,  # noqa: A002
    event: str | None = None,
    data: str | None = None,
    retry: int | None = None,
) -> bytes:
    """Write fields of an event stream; an empty line after them is what makes them one block.

    Args:
        retry: milliseconds after which a client whose stream ended comes back.
    """
    lines = []
    if id is not None:
        lines.append(f"id: {id}")
    if event is not None:
        lines.append(f"event: {event}")
    if retry is not None:
        lines.append(f"retry: {retry}")
    if data is not None:
        lines += [f"data: {line}" for line in LINE_BREAK.split(data)]
    return "".join(f"{line}\n" for line in lines).encode()


def write_positions(positions: Mapping[str, int]) -> str:
    """Return the event id that says how far a client is: `12`, or `news=7&orders=12` for several."""
    if len(positions) == 1:
        return str(*positions.values())
    return urlencode(positions)


def read_positions(text: str, topics: list[str]) -> dict[str, int]:
    """Return how far a client is in each topic, by the id of the last event that it has seen.

    What cannot be read is left out; the client then starts there with what comes next.
    """
    found = parse_qsl(text) if len(topics) > 1 else [(topics[0], text)]
    return {
        topic: min(int(position), LARGEST_POSITION)
        for topic, position in found
        if topic in topics and POSITION.fullmatch(position)
    }
