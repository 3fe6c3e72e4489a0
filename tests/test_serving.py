"""The shipped production command, on real sockets, with each server choice."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest
from answers import CHOICES, Answers
from conftest import UV, Project, unused_port, wait_for
from production import HEADERS, prepare, serve_command

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="Gunicorn and SIGTERM need a POSIX system"),
]

GRACE_PERIOD = 25
"""Seconds that the servers give connections after SIGTERM, as the project configures them."""


@pytest.fixture(params=CHOICES["server"])
def project(install: Callable[[Answers], Project], request: pytest.FixtureRequest) -> Project:
    return install({"server": request.param})


@pytest.fixture
def production(upstream_urls: dict[str, str], project: Project) -> dict[str, str]:
    # One worker: a second that is still starting when the signal comes is no part of the story.
    return prepare(project, upstream_urls | {"WEB_CONCURRENCY": "1", "SHUTDOWN_DELAY": "0"})


@pytest.fixture
def command(project: Project) -> list[str]:
    return serve_command(project)


def test_the_service_answers_and_stops_cleanly_on_sigterm(
    project: Project, command: list[str], production: dict[str, str], stubs: httpx.Client
) -> None:
    port = int(production["PORT"])
    with (
        project.serving(port, *command, **production) as server,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=HEADERS) as client,
    ):
        live = client.get("/livez")
        assert live.json() == {"status": "live"}
        assert "server" not in live.headers
        assert client.get("/readyz").status_code == 200
        assert client.get("/api/dashboard/").json()["errors"] == {}
        page = client.get("/")
        assert page.status_code == 200
        assert_static_files_are_served(client, page.text)

        answers: list[httpx.Response] = []
        stubs.put("/_control/inventory", json={"delay": 1.0})
        in_progress = threading.Thread(target=lambda: answers.append(client.get("/api/dashboard/")))
        in_progress.start()
        wait_until_in_progress(stubs)
        server.send_signal(signal.SIGTERM)

        in_progress.join()
        assert answers[0].json()["errors"] == {}
        assert server.wait(timeout=30) == 0


def wait_until_in_progress(stubs: httpx.Client) -> None:
    give_up = time.monotonic() + 10
    while stubs.get("/_control").json()["inventory"]["in_progress"] == 0:
        assert time.monotonic() < give_up, "The request did not reach the upstream."
        time.sleep(0.02)


def test_open_streams_end_on_sigterm_and_say_when_to_come_back(
    project: Project, command: list[str], production: dict[str, str]
) -> None:
    port = int(production["PORT"])
    url = f"http://127.0.0.1:{port}/events/news/"
    environment = production | {"EVENTS_PUBLIC_TOPICS": "news"}
    with (
        project.serving(port, *command, **environment) as server,
        httpx.Client(headers=HEADERS, timeout=GRACE_PERIOD) as client,
        ExitStack() as streams,
    ):
        opened = [streams.enter_context(client.stream("GET", url)) for _ in range(6)]
        lines = [stream.iter_lines() for stream in opened]
        assert [next(stream)[:4] for stream in lines] == ["id: "] * 6
        server.send_signal(signal.SIGTERM)

        assert all([line for line in stream if line][-1].startswith("retry: ") for stream in lines)
        assert server.wait(timeout=GRACE_PERIOD / 2) == 0


def test_nobody_holds_a_connection_or_memory_without_a_request(
    project: Project, command: list[str], production: dict[str, str]
) -> None:
    port = int(production["PORT"])
    head = b"GET /livez HTTP/1.1\r\nHost: service.example.com\r\nX-Padding: "
    with (
        project.serving(port, *command, **production),
        closing(HTTPConnection("127.0.0.1", port)) as kept,
    ):
        kept.request("GET", "/livez")
        assert kept.getresponse().read()
        kept.auto_open = 0
        silent, slow, endless = (
            socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(3)
        )
        with silent, slow, endless:
            slow.sendall(head)
            with suppress(ConnectionError):  # it may be closed before all is sent
                endless.sendall(head + b"x" * 1_000_000)
                assert b" 4" in endless.recv(20)

            assert silent.recv(1) == b""
            assert slow.recv(1) == b""

        kept.request("GET", "/livez")
        assert kept.getresponse().status == 200


def test_a_proxy_is_believed_whom_it_speaks_for(
    project: Project, command: list[str], production: dict[str, str]
) -> None:
    port = int(production["PORT"])
    environment = production | {
        "EVENTS_PUBLIC_TOPICS": "news",
        "EVENTS_MAX_LISTENERS_PER_CLIENT": "1",
    }
    with (
        project.serving(port, *command, **environment),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=HEADERS) as client,
        ExitStack() as streams,
    ):

        def listens(forwarded_for: str) -> int:
            headers = {"X-Forwarded-For": forwarded_for}
            stream = client.stream("GET", "/events/news/", headers=headers)
            return streams.enter_context(stream).status_code

        assert listens("198.51.100.1") == 200
        assert listens("198.51.100.2") == 200
        # What the client wrote itself comes first and does not count.
        assert listens("203.0.113.9, 198.51.100.1") == 503


def test_every_line_of_the_log_is_json_and_names_its_request(
    project: Project, command: list[str], production: dict[str, str], tmp_path: Path
) -> None:
    port = int(production["PORT"])
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen(
            [UV, "run", "--no-sync", *command],
            cwd=project.path,
            env=project.environment | production,
            stdout=log,
            stderr=subprocess.STDOUT,
        ) as server,
    ):
        wait_for(port, server)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=HEADERS) as client:
            answer = client.get("/api/orders/stats/?token=hush")
            client.get("/nothing/", headers={"host": "evil.example.com"})
            client.post("/accounts/login/", data={"password": "hush"})
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=30) == 0

    text = (tmp_path / "log").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    [line] = [line for line in lines if line.get("route") == "/api/orders/stats/"]
    assert line["request_id"] == answer.headers["x-request-id"]
    assert "hush" not in text


def assert_static_files_are_served(client: httpx.Client, page: str) -> None:
    """Every asset of the page is there, compressed, named by its content, to be kept for good."""
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert addresses
    for address in addresses:
        asset = client.get(address)
        assert asset.status_code == 200
        assert "immutable" in asset.headers["cache-control"]
        assert asset.headers["content-encoding"] == "gzip"
        assert asset.headers["vary"] == "Accept-Encoding"


def test_without_its_secrets_production_refuses_to_start(project: Project) -> None:
    done = project.run(
        "just",
        "serve",
        DJANGO_SETTINGS_MODULE="config.settings.production",
        PORT=str(unused_port()),
    )

    assert done.returncode != 0
    assert "DJANGO_ALLOWED_HOSTS" in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize("mistake", ["import nowhere", "ROOT_URLCONF = 'nowhere'"])
def test_a_mistake_in_the_code_ends_the_start_with_its_traceback_in_json(
    project: Project, command: list[str], production: dict[str, str], tmp_path: Path, mistake: str
) -> None:
    (tmp_path / "broken.py").write_text(
        f"from {production['DJANGO_SETTINGS_MODULE']} import *\n{mistake}\n", encoding="utf-8"
    )
    broken = {"DJANGO_SETTINGS_MODULE": "broken", "PYTHONPATH": str(tmp_path)}

    done = project.run(*command, **production | broken)

    assert done.returncode != 0
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert any("No module named 'nowhere'" in event.get("exception", "") for event in events)


@pytest.mark.parametrize("flags", [["-k", "sync"], ["-k", "sync", "--threads", "4"]])
def test_a_sync_worker_is_refused_at_start(project: Project, flags: list[str]) -> None:
    if project.answers["server"] == "uvicorn":
        return  # it has no other workers
    command = ["gunicorn", "--config", "config/gunicorn.conf.py", *flags]

    done = project.run(*command, "config.asgi:application", PORT=str(unused_port()))

    assert done.returncode == 3
    assert "worker cannot serve an ASGI application" in done.stdout
    assert "Traceback" not in done.stdout
