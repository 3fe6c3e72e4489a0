"""An ASGI application that stands in for every upstream: `uvicorn stubs.app:application`.

It answers as the real ones would, until it is told to misbehave:

    PUT /_control/inventory   {"delay": 5.0}              slow, in seconds
                              {"status": 500}             an error
                              {"body": "{\\"broken\\":"}    any body instead of its own
                              {"status": 302, "headers": {"location": "http://elsewhere/"}}
                              {"drop": true}              the connection breaks in mid-answer
                              {}                          as it should again
    GET /_control             what each was told, and what it has seen
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import parse_qs

from core.asgi import Receive, Scope, Send

USUAL_DELAY = 0.02
"""Seconds that an upstream takes when nothing is wrong."""


@dataclass(slots=True)
class Behaviour:
    """How a stub answers; the defaults are what it does when nothing is wrong."""

    delay: float = USUAL_DELAY
    status: int = 200
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False


@dataclass(slots=True)
class Stub:
    """One simulated upstream.

    Attributes:
        answer: makes its usual JSON object from the number of requests so far and the body.
        requests: how many it has taken.
        in_progress: how many it is answering now.
        disconnects: how many callers left before they had their answer.
    """

    answer: Callable[[int, bytes], dict[str, Any]]
    behaviour: Behaviour = field(default_factory=Behaviour)
    requests: int = 0
    in_progress: int = 0
    disconnects: int = 0


TOKENS = {
    "let-me-in": {"sub": "ada", "scope": "orders:read orders:write", "client_id": "web"},
}
"""Bearer tokens that the stub of `auth` knows, and what it says of them."""


def _introspect(n: int, body: bytes) -> dict[str, Any]:
    """Answer as RFC 7662 says."""
    token = parse_qs(body.decode()).get("token", [""])[0]
    return {"active": token in TOKENS, **TOKENS.get(token, {})}


STUBS = {
    "inventory": Stub(
        lambda n, body: {"items": 1284 - n % 9, "low_stock": 3 + n % 4, "warehouse": "Rotterdam"}
    ),
    "notifications": Stub(
        lambda n, body: {"unread": 5 + n % 3, "latest": "Order 4711 has left the warehouse"}
    ),
    "analytics": Stub(
        lambda n, body: {"visitors_today": 20_418 + 3 * n, "conversion_percent": (32 + n % 5) / 10}
    ),
    "users": Stub(lambda n, body: {"status": "operational", "active": 912}),
    "billing": Stub(lambda n, body: {"status": "operational", "open_invoices": 17}),
    "auth": Stub(_introspect),
}
PATHS = {"introspect": "auth"}
"""The stubs whose path is not their name."""


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer for one of the stubs, or control them."""
    if scope["type"] != "http":
        return
    prefix, _, name = scope["path"].strip("/").rpartition("/")
    if scope["path"] == "/_control":
        await _send_json(send, {name: _state(stub) for name, stub in STUBS.items()})
    elif prefix == "_control" and name in STUBS and scope["method"] == "PUT":
        await _control(STUBS[name], receive, send)
    elif not prefix and PATHS.get(name, name) in STUBS:
        await _answer(STUBS[PATHS.get(name, name)], receive, send)
    else:
        known = ", ".join(STUBS)
        await _send_json(send, {"error": f"No such stub. There are: {known}"}, status=404)


def _state(stub: Stub) -> dict[str, Any]:
    return {
        "behaviour": asdict(stub.behaviour),
        "requests": stub.requests,
        "in_progress": stub.in_progress,
        "disconnects": stub.disconnects,
    }


async def _control(stub: Stub, receive: Receive, send: Send) -> None:
    try:
        stub.behaviour = Behaviour(**json.loads(await _read_body(receive)))
    except (TypeError, ValueError) as error:
        await _send_json(send, {"error": str(error)}, status=400)
    else:
        await _send_json(send, _state(stub))


async def _answer(stub: Stub, receive: Receive, send: Send) -> None:
    behaviour = stub.behaviour
    stub.requests += 1
    stub.in_progress += 1
    try:
        question = await _read_body(receive)
        if await _left_within(receive, behaviour.delay):
            stub.disconnects += 1
            return
        body = behaviour.body
        if body is None:
            body = json.dumps(stub.answer(stub.requests, question))
        await _send(send, body.encode(), behaviour.status, behaviour.headers, drop=behaviour.drop)
    finally:
        stub.in_progress -= 1


async def _read_body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


async def _left_within(receive: Receive, seconds: float) -> bool:
    """Wait, and say whether the caller hung up meanwhile."""
    try:
        async with asyncio.timeout(seconds):
            await receive()  # http.disconnect
    except TimeoutError:
        return False
    return True


async def _send_json(send: Send, content: dict[str, Any], status: int = 200) -> None:
    await _send(send, json.dumps(content).encode(), status, {})


async def _send(
    send: Send,
    body: bytes,
    status: int,
    headers: dict[str, str],
    *,
    drop: bool = False,
) -> None:
    # Fewer bytes than announced: the server has no choice but to break the connection.
    announced = len(body) + 1 if drop else len(body)
    every_header = {
        "content-type": "application/json",
        "content-length": str(announced),
        **headers,
    }
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(name.encode(), value.encode()) for name, value in every_header.items()],
            "trailers": False,
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})
