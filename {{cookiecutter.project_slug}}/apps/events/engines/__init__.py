"""What keeps the events and carries them from one process to another; `EVENTS_URL` chooses."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Collection, Mapping
from functools import cache
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.module_loading import import_string

from apps.events.event import Event


class Engine(ABC):
    """One place where events are kept; a process has one, used from all its threads and loops.

    Attributes:
        url: `EVENTS_URL`.
        unavailable: what its methods raise when the place cannot be reached.
    """

    unavailable: tuple[type[Exception], ...] = ()

    def __init__(self, url: str) -> None:
        self.url = url

    @abstractmethod
    def append(self, topic: str, type: str, content: str) -> Event:  # noqa: A002
        """Keep an event, with an id higher than any that can be read in its topic."""

    @abstractmethod
    async def aappend(self, topic: str, type: str, content: str) -> Event:  # noqa: A002
        """Do the same on the event loop."""

    @abstractmethod
    async def read(self, positions: Mapping[str, int], limit: int) -> list[Event]:
        """Return events after these positions, in order within each topic.

        Fewer than the limit are all that there are; asking again from where they end brings more.
        """

    @abstractmethod
    async def last(self, topics: Collection[str]) -> dict[str, int]:
        """Return the id of each topic's newest event, 0 for a topic without any."""

    @abstractmethod
    def wakes(self) -> AsyncGenerator[str | None]:
        """Say again and again which topic may have news, None for any of them.

        Starts with None. It may say too much; what it misses, a None makes up for.
        """

    async def aclose(self) -> None:  # noqa: B027
        """Close what this event loop has open; a later use opens it again."""


def current_engine() -> Engine:
    """Return the engine that `EVENTS_URL` names."""
    return _engine_at(settings.EVENTS_URL)


@cache
def _engine_at(url: str) -> Engine:
    engine: Engine = import_string(settings.EVENTS_ENGINES[urlsplit(url).scheme])(url)
    return engine
