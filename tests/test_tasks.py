"""Images made by real workers over real brokers: nothing is lost, done twice or left over."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from answers import Answers
from conftest import Project, leave_out, redis_server, unused_port
from workers import Service, service_on

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="kills workers the POSIX way"),
]

RABBITMQ_URL = os.environ.get("RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")
PATIENCE = 60.0
"""Seconds after which a test fails that waits for a worker."""
PICTURES = 9
"""How many are made of an image: three sizes in three formats."""


@pytest.fixture(params=["redis", "rabbitmq"])
def service(
    install: Callable[[Answers], Project], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Service]:
    """A service on a real broker."""
    if request.param == "redis":
        port = unused_port()
        with redis_server(port, tmp_path):
            project = install({"celery_broker": "redis"})
            yield service_on(project, tmp_path, f"redis://127.0.0.1:{port}/0")
        return
    try:
        server = urlsplit(RABBITMQ_URL)
        socket.create_connection((server.hostname, server.port or 5672), timeout=2).close()
    except OSError:
        leave_out("RabbitMQ")
    # The queue is named by the project, so that no other on this broker is disturbed.
    project = install({"celery_broker": "rabbitmq", "project_slug": "template_tests"})
    yield service_on(project, tmp_path, RABBITMQ_URL)


def send(client: httpx.Client, image: bytes) -> httpx.Response:
    return client.post("/api/images/", files={"image": ("../../etc/passwd", image, "image/png")})


def wait_until(client: httpx.Client, address: str, *statuses: str) -> dict[str, Any]:
    give_up = time.monotonic() + PATIENCE
    while True:
        state: dict[str, Any] = client.get(address).json()
        if state["status"] in statuses:
            return state
        assert time.monotonic() < give_up, state
        time.sleep(0.1)


def test_work_whose_process_is_killed_is_done_again(service: Service) -> None:
    with service.web() as client, service.worker() as worker:
        address = send(client, service.image(6000, 5000)).headers["location"]
        wait_until(client, address, "running")
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(worker.pid)], capture_output=True, check=True
        )
        for pid in children.stdout.split():
            os.kill(int(pid), signal.SIGKILL)

        state = wait_until(client, address, "done", "failed")

        assert state["status"] == "done"
        assert len(service.files()) == PICTURES


def test_a_worker_that_is_told_to_stop_loses_nothing(service: Service) -> None:
    image = service.image(3000, 2000)
    with service.web() as client:
        with service.worker() as worker:
            addresses = [send(client, image).headers["location"] for _ in range(6)]
            wait_until(client, addresses[0], "running", "done")
            worker.terminate()
            assert worker.wait(timeout=60) == 0
        with service.worker():
            states = [wait_until(client, address, "done", "failed") for address in addresses]

    assert [state["status"] for state in states] == ["done"] * 6
    assert len(service.files()) == 6 * PICTURES
    lines = [json.loads(line) for line in service.log.read_text(encoding="utf-8").splitlines()]
    assert [line for line in lines if "shutdown" in line["event"]]


def test_a_hundred_images_at_once_are_all_done(service: Service) -> None:
    image = service.image(400, 300)
    with service.web() as client, service.worker():
        addresses = []
        for _ in range(100):
            response = send(client, image)
            assert response.status_code == 202
            addresses.append(response.headers["location"])
        states = [wait_until(client, address, "done", "failed") for address in addresses]

    assert {state["status"] for state in states} == {"done"}
    listed = [url for state in states for picture in state["pictures"] for url in picture["urls"]]
    assert len(service.files()) == len(listed)


def test_without_a_broker_nothing_is_kept_and_the_rest_is_served(
    install: Callable[[Answers], Project], tmp_path: Path
) -> None:
    port = unused_port()
    project = install({"celery_broker": "redis"})
    service = service_on(project, tmp_path, f"redis://127.0.0.1:{port}/0")
    image = service.image(400, 300)
    with service.web() as client, ExitStack() as redis:
        refused = send(client, image)

        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
        assert service.files() == []
        assert client.get("/livez").status_code == 200
        assert client.get("/readyz").json()["checks"]["broker"] != "ok"

        redis.enter_context(redis_server(port, tmp_path))
        redis.enter_context(service.worker())
        address = send(client, image).headers["location"]
        assert wait_until(client, address, "done", "failed")["status"] == "done"


def test_with_no_server_at_all_a_worker_does_the_work(
    install: Callable[[Answers], Project], tmp_path: Path
) -> None:
    project = install({"celery_broker": "redis"})
    shutil.rmtree(project.path / ".tasks", ignore_errors=True)
    service = service_on(project, tmp_path, None)
    with service.web() as client, service.worker():
        address = send(client, service.image(400, 300)).headers["location"]

        assert wait_until(client, address, "done", "failed")["status"] == "done"


def test_the_projects_own_tests_use_the_broker_that_is_named(service: Service) -> None:
    scheme = urlsplit(service.environment["CELERY_BROKER_URL"]).scheme

    done = service.project.run("pytest", "-s", "tests/test_tasks.py", **service.environment)

    assert done.returncode == 0, done.stdout
    assert f"Connected to {scheme}:" in done.stdout
