"""A limit to how many calls to an upstream are under way at once, with a bounded queue."""

import asyncio
from types import TracebackType

from core.upstreams.declaration import Upstream
from core.upstreams.failures import Reason, UpstreamError


class Limit:
    """Holds one of an upstream's places in this event loop: `async with limit: …`."""

    def __init__(self, upstream: Upstream) -> None:
        self._name = upstream.name
        self._places = asyncio.Semaphore(upstream.concurrency)
        self._queue = upstream.queue
        self._waiting = 0

    async def __aenter__(self) -> None:
        """Take a place, after those who wait for one already.

        Raises:
            UpstreamError: `circuit_open`, if the queue is full.
        """
        if not self._places.locked():
            await self._places.acquire()
            return
        if self._waiting >= self._queue:
            detail = f"Not asked: {self._waiting} calls wait for it already."
            raise UpstreamError(self._name, Reason.CIRCUIT_OPEN, detail)
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._places.release()
