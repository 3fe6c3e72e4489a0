"""Publish at a steady rate, listen on several servers, and see that nothing is lost or out of order.

`python -m bench_steady PER_SECOND SECONDS LISTENERS URL…`; prints the result as JSON.
"""

import asyncio
import json
import os
import re
import sys
import time
from urllib.parse import urlsplit

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench_settings")
django.setup()

from apps.events.services import publish  # noqa: E402

NUMBER = re.compile(rb'"number": ?([0-9]+)\D')


class Listener(asyncio.Protocol):
    """One connection, which has to hear 0, 1, 2 and so on."""

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.rest = b""
        self.opened = asyncio.Event()
        self.expected = 0
        self.out_of_order = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self.request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.opened.set()
        whole, separator, self.rest = (self.rest + data).rpartition(b"\n\n")
        for number in NUMBER.findall(whole + separator):
            self.out_of_order += int(number) != self.expected
            self.expected = int(number) + 1


async def main(per_second: int, seconds: int, count: int, urls: list[str]) -> None:
    listeners = [await listen(urls[number % len(urls)]) for number in range(count)]
    async with asyncio.timeout(30):
        for listener in listeners:
            await listener.opened.wait()
    started = time.perf_counter()
    for number in range(per_second * seconds):
        await publish("bench", "steady", {"number": number})
        ahead = number / per_second - (time.perf_counter() - started)
        if ahead > 0:
            await asyncio.sleep(ahead)
    took = time.perf_counter() - started
    await asyncio.sleep(3)
    total = per_second * seconds
    print(
        json.dumps(
            {
                "published_per_second": total / took,
                "lost": sum(total - listener.expected for listener in listeners),
                "out_of_order": sum(listener.out_of_order for listener in listeners),
            }
        )
    )


async def listen(url: str) -> Listener:
    address = urlsplit(url)
    request = f"GET {address.path} HTTP/1.1\r\nhost: {address.hostname}\r\n\r\n".encode()
    _, listener = await asyncio.get_running_loop().create_connection(
        lambda: Listener(request), address.hostname, address.port
    )
    return listener


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:4]), sys.argv[4:]))
