"""Requests that a seeded chance makes: what the routes expect, bent, and what nobody expects."""

import base64
import json
from collections.abc import Iterator
from random import Random
from typing import Any

type Request = tuple[str, bytes]
"""A method, and the whole request."""

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "G3T"]
PATHS = [
    "/", "/admin/", "/admin/accounts/user/", "/accounts/login/", "/accounts/logout/", "/livez",
    "/readyz", "/api/dashboard/", "/api/aggregate-status/", "/api/orders/", "/api/orders/stats/",
    "/api/orders/recent/", "/api/accounts/active-count/", "/events/dashboard/", "/events/a,b/",
    "/images/", "/api/images/", "/api/images/0b0fd1a7-6f6e-4a1c-9d0e-6b3a1c5d7e9f/", "/media/images/",
    "/static/core/site.css", "/static/../config/settings/base.py", "/.env", "/%00", "/%ff",
]  # fmt: skip
PIECES = [
    "", "..", "%2e%2e", "%00", "%ff", "\u00e9", "🙂", "'", '"', "<script>", "{{7*7}}", "a" * 2000,
    "-1", "0", "1e400", "NaN", "null", "[]", "{}", "true", "\t", ";", "&", "=", "%", "\\", "%0d%0a",
]  # fmt: skip
NAMES = ["before", "last_event_id", "next", "page", "q", "username", "o", "customer", "__proto__"]
TYPES = [
    "application/json", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain",
    "multipart/form-data; boundary=x", "application/json; charset=utf-16", "*/*", "text/html",
    "text/event-stream", "application/json; charset=\u00e9", "application/problem+json;q=banana",
]  # fmt: skip
HEADER_NAMES = [
    "accept", "accept-encoding", "accept-language", "authorization", "cookie", "expect", "forwarded",
    "host", "idempotency-key", "if-modified-since", "if-none-match", "last-event-id", "origin",
    "range", "referer", "traceparent", "x-forwarded-for", "x-forwarded-host", "x-request-id",
]  # fmt: skip
COOKIES = ["__Host-sessionid=", "__Host-csrftoken=", "sessionid=a; sessionid=", "=;;=", "a"]
ODD: list[Any] = [
    None, True, -1, 0, 10**400, 1.5, "", "\x00", "🙂" * 300, "\ud800", "1e400", "NaN", [], {}, [[]],
    {"a": {"b": []}}, "2020-02-30", "0" * 5000, -(2**63) - 1,
]  # fmt: skip
ORDER = {
    "customer": {"name": "Ada", "email": "ada@example.com"},
    "items": [{"sku": "LAMP", "quantity": 2, "unit_price": "19.90"}],
}
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def requests(seed: int, count: int) -> Iterator[Request]:
    """Yield that many, the same for the same seed."""
    chance = Random(seed)  # noqa: S311
    for _ in range(count):
        yield _request(chance)


def _request(chance: Random) -> Request:
    method, path, make = chance.choice(METHODS), chance.choice(PATHS), chance.choice(BODIES)
    if chance.random() < 0.3:
        method, path, make = chance.choice(MEANT)
    path += _sometimes(chance, 0.3, chance.choice(PIECES))
    while chance.random() < 0.2:
        path += "&" if "?" in path else "?"
        path += f"{chance.choice(NAMES + PIECES)}={chance.choice(PIECES)}"
    kind, body = make(chance)
    headers = {"host": "service.example.com", "content-type": kind}
    for name in chance.sample(HEADER_NAMES, chance.randint(0, 4)):
        headers[name] = chance.choice([*PIECES, *TYPES, *COOKIES]) + _noise(chance)
    framing, content = _framed(chance, body)
    # A space would end the path, a line break the header, and what follows would be another request.
    lines = [f"{method} {path.replace(chr(9), '%09')} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return method, "\r\n".join([*lines, framing, "", ""]).encode() + content


def _sometimes(chance: Random, probability: float, text: str) -> str:
    return text if chance.random() < probability else ""


def _noise(chance: Random) -> str:
    return "".join(chr(chance.randint(33, 0x17F)) for _ in range(chance.choice([0, 0, 0, 1, 30])))


def _framed(chance: Random, body: bytes) -> tuple[str, bytes]:
    if chance.random() < 0.8:
        return f"content-length: {len(body)}", body
    middle = len(body) // 2
    pieces = [piece for piece in (body[:middle], body[middle:]) if piece] + [b""]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return "transfer-encoding: chunked", chunks


def _json(chance: Random) -> tuple[str, bytes]:
    text = json.dumps(_bent(chance, ORDER)).encode()
    if chance.random() < 0.2:
        text = text[: chance.randint(0, len(text))] + chance.choice([b"", b"[" * 5000, b"\xff"])
    return "application/json", text


def _bent(chance: Random, value: Any) -> Any:
    """Return the same with some of its parts replaced by odd ones, or left out."""
    if chance.random() < 0.1:
        return chance.choice(ODD)
    if isinstance(value, dict):
        kept = {name: _bent(chance, part) for name, part in value.items() if chance.random() < 0.95}
        return kept | ({chance.choice(NAMES): chance.choice(ODD)} if chance.random() < 0.1 else {})
    if isinstance(value, list):
        return [
            _bent(chance, part) for part in value for _ in range(chance.choice([1, 1, 1, 0, 60]))
        ]
    return value


def _form(chance: Random) -> tuple[str, bytes]:
    fields = [
        f"{chance.choice(NAMES)}={chance.choice(PIECES)}" for _ in range(chance.randint(0, 9))
    ]
    return "application/x-www-form-urlencoded", "&".join(fields).encode()


def _multipart(chance: Random) -> tuple[str, bytes]:
    content = bytearray(PNG)
    for _ in range(chance.choice([0, 0, 1, 5, 40])):
        content[chance.randrange(len(content))] = chance.randrange(256)
    name = "image" if chance.random() < 0.8 else chance.choice(PIECES)
    file = chance.choice(["a.png", *PIECES])
    head = f'--x\r\ncontent-disposition: form-data; name="{name}"; filename="{file}"\r\n\r\n'
    end = chance.choice([b"\r\n--x--\r\n", b"\r\n--x--\r\n", b"\r\n--x", b""])
    return "multipart/form-data; boundary=x", head.encode() + bytes(content) + end


def _bytes(chance: Random) -> tuple[str, bytes]:
    return chance.choice(TYPES), chance.randbytes(chance.choice([0, 1, 100, 10_000]))


BODIES = [_json, _form, _multipart, _bytes]
MEANT = [
    ("POST", "/api/orders/", _json),
    ("POST", "/api/images/", _multipart),
    ("POST", "/accounts/login/", _form),
    ("GET", "/api/orders/recent/", _bytes),
]
"""What some views are there for."""
