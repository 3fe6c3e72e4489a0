"""The default project with its production command and settings, as an attacker meets it."""

import random
import re
import sys
from collections.abc import Iterator

import httpx
import pytest
from conftest import Project
from production import HEADERS, prepare, serve_command

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="Gunicorn needs a POSIX system"),
]


@pytest.fixture(scope="module")
def client(default_project: Project, upstream_urls: dict[str, str]) -> Iterator[httpx.Client]:
    """A client of the running service, as a proxy that ends TLS in front of it is one."""
    production = prepare(default_project, upstream_urls | {"WEB_CONCURRENCY": "1"})
    port = int(production["PORT"])
    with (
        default_project.serving(port, *serve_command(default_project), **production),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=HEADERS) as client,
    ):
        yield client


NONCE = re.compile(r" 'nonce-[\w-]{22}'")
EVERYWHERE = {
    "strict-transport-security": "max-age=31536000; includeSubDomains; preload",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "content-security-policy": (
        "default-src 'self'; script-src 'self'; style-src 'self'; frame-ancestors 'none'; "
        "form-action 'self'; base-uri 'none'; object-src 'none'"
    ),
}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/accounts/login/", 200),
        ("/admin/login/", 200),
        ("/api/dashboard/", 200),
        ("/api/nothing/", 404),
        ("/nothing/", 404),
    ],
)
def test_every_answer_carries_the_headers_that_browsers_obey(
    client: httpx.Client, path: str, status: int
) -> None:
    response = client.get(path)

    assert response.status_code == status
    headers = {name: response.headers.get(name, "") for name in EVERYWHERE}
    # The admin's pages have scripts that say their nonce.
    headers["content-security-policy"] = NONCE.sub("", headers["content-security-policy"])
    assert headers == EVERYWHERE
    assert "server" not in response.headers


def test_cookies_are_for_this_host_over_https_alone(client: httpx.Client) -> None:
    response = client.get("/accounts/login/")

    [cookie] = response.headers.get_list("set-cookie")
    name, _, attributes = cookie.partition("=")
    assert name == "__Host-csrftoken"
    assert {"Secure", "SameSite=Lax", "Path=/"} <= set(attributes.split("; "))


def test_plain_http_is_sent_to_https(client: httpx.Client) -> None:
    response = client.get("/api/dashboard/", headers={"x-forwarded-proto": "http"})

    assert response.status_code == 301
    assert response.headers["location"] == "https://service.example.com/api/dashboard/"


def test_a_host_that_is_not_its_own_is_refused(client: httpx.Client) -> None:
    response = client.get("/", headers={"host": "evil.example.com"})

    assert response.status_code == 400
    assert "evil" not in response.text


def test_a_form_from_elsewhere_is_refused(client: httpx.Client) -> None:
    response = client.post(
        "/accounts/login/",
        data={"username": "ada", "password": "x"},
        headers={"origin": "https://evil.example.com"},
    )

    assert response.status_code == 403


METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]
PATHS = [
    "/", "/admin/", "/admin/accounts/user/", "/accounts/login/", "/accounts/logout/", "/livez",
    "/readyz", "/api/dashboard/", "/api/aggregate-status/", "/api/orders/", "/api/orders/stats/",
    "/api/orders/recent/", "/api/accounts/active-count/", "/events/dashboard/", "/events/a,b/",
    "/static/core/site.css", "/static/../config/settings/base.py", "/.env", "/%00", "/%ff",
]  # fmt: skip
PIECES = [
    "", "..", "%2e%2e", "%00", "%ff", "\u00e9", "🙂", "'", '"', "<script>", "{{7*7}}", "a" * 2000,
    "-1", "0", "1e400", "NaN", "null", "[]", "{}", "true", "\t", ";", "&", "=", "%", "\\",
]  # fmt: skip
TYPES = [
    "application/json", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain",
    "multipart/form-data; boundary=x", "application/json; charset=utf-16", "*/*", "text/html",
]  # fmt: skip
HEADER_NAMES = [
    b"accept", b"authorization", b"content-type", b"cookie", b"idempotency-key", b"last-event-id",
    b"range", b"traceparent", b"x-forwarded-for", b"x-request-id",
]  # fmt: skip
BODIES = [
    b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"customer": 1, "items": [{}]}', b"--x\r\n\r\n--x--",
    b'{"items": [[[[' + b"[" * 5000, b'{"customer": {"name": "\\u0000"}}', b"a=b&" * 100,
]  # fmt: skip


def test_no_request_whatever_ends_in_an_error_of_the_service(client: httpx.Client) -> None:
    chance = random.Random(20261125)  # noqa: S311
    for _ in range(3000):
        path = chance.choice(PATHS) + (chance.choice(PIECES) if chance.random() < 0.3 else "")
        query = f"?{chance.choice(PIECES)}={chance.choice(PIECES)}" * chance.randint(0, 1)
        headers = {
            name: chance.choice([*PIECES, *TYPES]).strip("\t").encode()
            for name in chance.sample(HEADER_NAMES, chance.randint(0, 4))
        }
        method = chance.choice(METHODS)
        if path.startswith("/events/"):
            method = chance.choice(METHODS[1:])  # a stream that opened would not end
        try:
            url = client.base_url.join(httpx.URL(path + query))
        except httpx.InvalidURL:
            continue
        response = client.request(method, url, headers=headers, content=chance.choice(BODIES))
        assert response.status_code != 500, (method, url, headers)
