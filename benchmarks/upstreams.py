"""Three upstreams that answer after 20 ms, on a bare asyncio protocol, so that they are not what is
measured: `python upstreams.py PORT`.

`PUT /_hang/<name>` makes one hang; `PUT /_heal` makes all answer again.
"""

import asyncio
import sys

DELAY = 0.02
"""Seconds."""

BODIES = {
    b"inventory": b'{"items": 1284, "low_stock": 3, "warehouse": "Rotterdam"}',
    b"notifications": b'{"unread": 5, "latest": "Order 4711 has left the warehouse"}',
    b"analytics": b'{"visitors_today": 20418, "conversion_percent": 3.2}',
}
hanging: set[bytes] = set()


class Upstream(asyncio.Protocol):
    """Answers one request after the other on a connection; requests have no body here."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        method, path, _ = data.split(b" ", 2)
        name = path.strip(b"/").rpartition(b"/")[2]
        if method == b"PUT":
            hanging.clear() if name == b"_heal" else hanging.add(name)
            self.answer(b"{}")
        elif name not in hanging:
            asyncio.get_running_loop().call_later(DELAY, self.answer, BODIES[name])

    def answer(self, body: bytes) -> None:
        self.transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b" % (len(body), body)
        )


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
