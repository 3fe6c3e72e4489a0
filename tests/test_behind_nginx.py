"""A project with everything on, as production runs it: two instances and a worker behind nginx.

nginx is configured as docs/serving.md says. `SERVERS=gunicorn,uvicorn` names other servers than the
default, to be tried by hand.
"""

import getpass
import json
import os
import re
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path

import fuzzer
import httpx
import pytest
from answers import CHOICES, LARGEST, Answers
from conftest import Project, leave_out, redis_server, unused_port, wait_for
from production import GRACE_PERIOD, HEADERS, STREAMS, Load, prepare, serve_command, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="asks /proc what processes keep"),
]

DEFAULT = CHOICES["server"][0]
SERVERS = os.environ.get("SERVERS", DEFAULT).split(",")
ADVICE = Path(__file__).parent.parent / "docs" / "serving.md"
GIGABYTE = 1_000_000_000


@dataclass
class Site:
    """The running whole.

    Attributes:
        ports: of the instances.
        port: where nginx is, with TLS.
        tls: what trusts its certificate.
        logs: the folder with a file for each process that there was.
    """

    project: Project
    environment: dict[str, str]
    ports: list[int]
    port: int
    tls: ssl.SSLContext
    logs: Path
    processes: ExitStack

    def __post_init__(self) -> None:
        self.instances = {port: self.start(port) for port in self.ports}

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def start(self, port: int, recipe: str = "serve") -> subprocess.Popen[bytes]:
        """Run what a recipe of the project's justfile runs, until the end of all."""
        log = self.logs / f"{len(list(self.logs.iterdir()))}-{recipe}"
        process = subprocess.Popen(
            serve_command(self.project, recipe),
            cwd=self.project.path,
            env=self.project.environment
            | self.environment
            | {"PORT": str(port), "REMAP_SIGTERM": "SIGQUIT"}
            | {"PATH": f"{self.project.path / '.venv/bin'}:{os.environ['PATH']}"},
            stdout=self.processes.enter_context(log.open("wb")),
            stderr=subprocess.STDOUT,
        )
        self.processes.callback(process.wait, timeout=GRACE_PERIOD)
        self.processes.callback(process.terminate)
        if recipe == "serve":
            wait_for(port, process)
        return process

    def connection(self, port: int) -> socket.socket:
        """Connect to an instance or, with TLS, to nginx."""
        plain = socket.create_connection(("127.0.0.1", port), timeout=GRACE_PERIOD)
        if port != self.port:
            return plain
        return self.tls.wrap_socket(plain, server_hostname="service.example.com")


@pytest.fixture(scope="module", params=SERVERS)
def site(
    install: Callable[[Answers], Project],
    upstream_urls: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Site]:
    if shutil.which("nginx") is None:
        leave_out("nginx")
    project = install(LARGEST | ({} if request.param == DEFAULT else {"server": request.param}))
    folder, port, redis = tmp_path_factory.mktemp("site"), unused_port(), unused_port()
    environment = prepare(
        project,
        upstream_urls
        | {
            "DATABASE_URL": project.environment["DATABASE_URL"],
            "CELERY_BROKER_URL": f"redis://127.0.0.1:{redis}/0",
            "EVENTS_URL": f"redis://127.0.0.1:{redis}/1",
            "EVENTS_PUBLIC_TOPICS": "news",
            "EVENTS_MAX_LISTENERS_PER_CLIENT": "1000",
            "MEDIA_ROOT": str(folder / "media"),
            "SHUTDOWN_DELAY": "1",
            "WEB_CONCURRENCY": "1",
        },
    )
    ports = [unused_port(), unused_port()]
    with ExitStack() as processes:
        processes.enter_context(redis_server(redis, folder))
        tls = configure_nginx(folder, port, ports)
        (folder / "logs").mkdir()
        site = Site(project, environment, ports, port, tls, folder / "logs", processes)
        site.start(0, "worker")
        nginx = subprocess.Popen(["nginx", "-e", "error.log", "-p", folder, "-c", "nginx.conf"])
        processes.callback(nginx.wait)
        processes.callback(nginx.terminate)
        wait_for(port, nginx)
        yield site


def configure_nginx(folder: Path, port: int, instances: list[int]) -> ssl.SSLContext:
    """Write what docs/serving.md advises, and a certificate; return what trusts that."""
    text = ADVICE.read_text(encoding="utf-8")
    [advice] = re.findall(r"^    upstream service \{\n.*?^    }\n(?!    server)", text, re.M | re.S)
    for written, here in zip([443, 8001, 8002], [port, *instances], strict=True):
        assert str(written) in advice
        advice = advice.replace(str(written), f"127.0.0.1:{here}" if written == 443 else str(here))
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "\n".join(f"{kind}_temp_path {folder / kind};" for kind in kinds)
    (folder / "nginx.conf").write_text(
        f"daemon off; pid nginx.pid; user {getpass.getuser()}; error_log error.log;\n"
        f"events {{ worker_connections 4096; }}\nhttp {{ access_log off;\n{paths}\n{advice}\n}}\n",
        encoding="utf-8",
    )
    request = "openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 2"
    names = (
        "-subj /CN=service.example.com -addext subjectAltName=IP:127.0.0.1,DNS:service.example.com"
    )
    command = f"{request} {names} -keyout service.key -out service.crt".split()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return ssl.create_default_context(cafile=str(folder / "service.crt"))


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[httpx.Client]:
    """One of the public's: through nginx, over TLS."""
    host = {"host": HEADERS["host"]}
    with httpx.Client(base_url=site.url, verify=site.tls, headers=host, timeout=20) as client:
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
        ("/images/", 200),
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


def test_cookies_are_for_this_host_over_https_alone(client: httpx.Client) -> None:
    response = client.get("/accounts/login/")

    [cookie] = response.headers.get_list("set-cookie")
    name, _, attributes = cookie.partition("=")
    assert name == "__Host-csrftoken"
    assert {"Secure", "SameSite=Lax", "Path=/"} <= set(attributes.split("; "))


def test_plain_http_is_sent_to_https(site: Site) -> None:
    headers = HEADERS | {"x-forwarded-proto": "http"}
    response = httpx.get(f"http://127.0.0.1:{site.ports[0]}/api/dashboard/", headers=headers)

    assert response.status_code == 301
    assert response.headers["location"] == "https://service.example.com/api/dashboard/"
    assert "server" not in response.headers


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


def test_restarting_both_under_load_fails_no_request_and_ends_each_stream(site: Site) -> None:
    load = Load(site.url, site.tls)
    with load.running():
        for port in site.ports:
            wait_until(lambda: load.open_streams == STREAMS)
            before = load.streams_ended
            stopped = site.instances[port]
            stopped.send_signal(signal.SIGTERM)

            assert stopped.wait(timeout=GRACE_PERIOD) == 0
            # Every stream ended with its farewell, or it would be among the failures, and came back.
            wait_until(lambda: load.open_streams == STREAMS)
            assert load.streams_ended > before
            site.instances[port] = site.start(port)

    assert load.failures == []
    assert load.answered > 100
    # Half of them on the first; all of them on the second, as the first was away.
    assert load.streams_ended >= STREAMS * 1.4


SLOW = 100
"""Clients of each kind, at nginx and at an instance."""


def test_slow_clients_hold_up_nobody(site: Site, client: httpx.Client) -> None:
    head = (
        b"POST /api/orders/ HTTP/1.1\r\nHost: service.example.com\r\nX-Forwarded-Proto: https\r\n"
    )
    in_body = head + b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    with ExitStack() as stack:
        for start in [head + b"X-Slow: "] * SLOW + [in_body] * SLOW:
            for port in (site.port, site.ports[0]):
                slow = stack.enter_context(site.connection(port))
                slow.sendall(start)

        for port in [*site.ports, site.port]:
            scheme = "https" if port == site.port else "http"
            for path in ("/api/dashboard/", "/api/orders/recent/", "/"):
                url = f"{scheme}://127.0.0.1:{port}{path}"
                response = client.get(url, headers=HEADERS)
                assert response.status_code == 200


@pytest.mark.parametrize("framing", ["Content-Length: 1000000000", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("at_nginx", [True, False], ids=["at nginx", "at an instance"])
def test_a_body_of_a_gigabyte_is_refused_and_not_kept(
    site: Site, framing: str, at_nginx: bool
) -> None:
    instances = [process.pid for process in site.instances.values()]
    before = sum(map(kept, instances))
    port = site.port if at_nginx else site.ports[0]
    head = f"POST /api/orders/ HTTP/1.1\r\nHost: service.example.com\r\n{framing}\r\n\r\n"
    megabyte = b"x" * 1_000_000
    piece = b"%x\r\n%b\r\n" % (len(megabyte), megabyte) if "chunked" in framing else megabyte

    with site.connection(port) as connection:
        connection.sendall(head.encode())
        try:
            for _ in range(GIGABYTE // len(megabyte)):
                connection.sendall(piece)
        except OSError:
            pass  # it does not want more
        answered, _, _ = select.select([connection], [], [], GRACE_PERIOD)
        assert answered
        assert connection.recv(12) == b"HTTP/1.1 413"

    assert sum(map(kept, instances)) - before < GIGABYTE / 10


def kept(pid: int) -> int:
    """Return the most bytes of memory that a process and its children had, and what they wrote."""
    process = Path("/proc") / str(pid)
    [peak] = re.findall(r"VmHWM:\s+(\d+) kB", (process / "status").read_text())
    [written] = re.findall(r"^write_bytes: (\d+)", (process / "io").read_text(), re.MULTILINE)
    children = (process / "task" / str(pid) / "children").read_text().split()
    return int(peak) * 1024 + int(written) + sum(kept(int(child)) for child in children)


REQUESTS = 10_000
FUZZERS = 8


def test_ten_thousand_odd_requests_end_in_no_error_of_the_service(site: Site) -> None:
    def fuzz(seed: int) -> Counter[int]:
        # nginx refuses some itself, so that half of them go past it.
        port = (site.port, *site.ports)[seed % 2 and 1 + seed // 2 % 2]
        return Counter(statuses_of(site, port, seed))

    with ThreadPoolExecutor(FUZZERS) as threads:
        answered = sum(threads.map(fuzz, range(FUZZERS)), Counter[int]())

    assert answered.total() == REQUESTS
    assert not {500, 502, 504} & set(answered), answered
    # They came as far as the views, too.
    assert min(answered[status] for status in (200, 201, 202, 400, 403, 404, 405, 415)) > 9, (
        answered
    )


def statuses_of(site: Site, port: int, seed: int) -> Iterator[int]:
    """Send requests over one connection, as long as it is kept."""
    with ExitStack() as opened:
        connection: socket.socket | None = None
        for method, request in fuzzer.requests(seed, REQUESTS // FUZZERS):
            if port != site.port:
                request = request.replace(b"\r\n", b"\r\nx-forwarded-proto: https\r\n", 1)
            if connection is None:
                connection = opened.enter_context(site.connection(port))
            try:
                connection.sendall(request)
                response = HTTPResponse(connection, method=method)
                response.begin()
                is_stream = "event-stream" in response.headers.get("content-type", "")
                if not is_stream:
                    response.read()
            except (OSError, HTTPException) as error:
                raise AssertionError(f"{error!r} for {request[:3000]!r}") from error
            assert response.status not in {500, 502, 504}, request
            yield response.status
            if is_stream or response.will_close:
                opened.close()
                connection = None


def test_each_line_of_each_process_is_json(site: Site, client: httpx.Client) -> None:
    def routes(request_id: str) -> list[str]:
        logs = [log.read_text(encoding="utf-8") for log in site.logs.iterdir()]
        lines = [json.loads(line) for log in logs for line in log.splitlines()]
        return [line["route"] for line in lines if line.get("request_id") == request_id]

    answer = client.get("/api/orders/stats/")

    # The line comes after the last byte.
    wait_until(lambda: routes(answer.headers["x-request-id"]) == ["/api/orders/stats/"])
    assert len(list(site.logs.iterdir())) >= 3
