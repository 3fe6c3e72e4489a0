"""Many who listen, and when each hears of an event: `python listeners.py URL PUBLISH_URL COUNT EVENTS`.

Prints, as JSON, the seconds that opening them took and the milliseconds from publishing to hearing.
With 0 events it listens until it is ended.
"""

import asyncio
import json
import re
import statistics
import sys
import time
import urllib.request
from urllib.parse import urlsplit

AT = re.compile(rb'"at": ?([0-9.]+)')


class Listener(asyncio.Protocol):
    """One connection; it notes when it hears of an event."""

    def __init__(self, request: bytes, crowd: "Crowd") -> None:
        self.request = request
        self.crowd = crowd
        self.opened = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self.request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        if not self.opened and b"\n\n" in data:  # the end of a first block; headers have \r\n
            self.opened = True
            self.crowd.opened.release()
        for at in AT.findall(data):
            self.crowd.heard.append((time.time() - float(at)) * 1000)

    def connection_lost(self, error: Exception | None) -> None:
        self.crowd.lost += 1


class Crowd:
    """What all of them heard."""

    def __init__(self) -> None:
        self.opened = asyncio.Semaphore(0)
        self.heard: list[float] = []
        self.lost = 0


async def main(url: str, publish_url: str, count: int, events: int) -> None:
    crowd = Crowd()
    address = urlsplit(url)
    host, port = address.hostname or "", address.port or 80
    request = f"GET {address.path} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    for first in range(0, count, 100):
        await asyncio.gather(
            *(
                loop.create_connection(lambda: Listener(request, crowd), host, port)
                for _ in range(min(100, count - first))
            )
        )
    async with asyncio.timeout(120):
        for _ in range(count):
            await crowd.opened.acquire()
    opening = time.perf_counter() - started
    print(json.dumps({"opening_s": opening}), flush=True)
    if not events:
        await asyncio.Event().wait()
    latencies = []
    for _ in range(events):
        crowd.heard.clear()
        await loop.run_in_executor(None, lambda: urllib.request.urlopen(publish_url).close())
        async with asyncio.timeout(30):
            while len(crowd.heard) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        latencies.append(statistics.quantiles(crowd.heard, n=100)[98])
        await asyncio.sleep(0.3)
    print(json.dumps({"p99_ms": statistics.median(latencies), "lost": crowd.lost}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
