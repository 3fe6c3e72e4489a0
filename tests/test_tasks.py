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
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from answers import Answers
from conftest import Project, rabbitmq_url, redis_server, unused_port
from production import wait_until
from proxy import Proxy
from workers import Service, service_on

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="kills workers the POSIX way"),
]

PATIENCE = 60.0
"""Seconds after which a test fails that waits for a worker."""
SENDERS = 8
"""How many images are sent at once; as many as a process may be queueing."""
PICTURES = 9
"""How many are made of an image: three sizes in three formats."""


class Redis:
    """A server of its own, which keeps what it has on disk."""

    def __init__(self, port: int, folder: Path) -> None:
        self._port = port
        self._folder = folder
        self._running = ExitStack()
        self.url = f"redis://127.0.0.1:{port}/0"

    def start(self) -> None:
        self._process = self._running.enter_context(redis_server(self._port, self._folder))

    def stop(self) -> None:
        self._running.close()

    def hang(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)


class RabbitMQ(Proxy):
    """The server of this machine, seen through a proxy: other tests use it at the same time."""

    def __init__(self, port: int) -> None:
        server = urlsplit(rabbitmq_url())
        super().__init__(port, (server.hostname or "127.0.0.1", server.port or 5672))
        place = f"{server.username}:{server.password}@127.0.0.1:{port}"
        self.url = server._replace(netloc=place).geturl()


@pytest.fixture(params=[Redis, RabbitMQ])
def broker(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Redis | RabbitMQ]:
    """A real broker that can be stopped, started, and made to hang."""
    if request.param is Redis:
        broker: Redis | RabbitMQ = Redis(unused_port(), tmp_path)
    else:
        broker = RabbitMQ(unused_port())
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def service(
    install: Callable[[Answers], Project], tmp_path: Path, broker: Redis | RabbitMQ
) -> Service:
    """A service on a real broker."""
    if isinstance(broker, Redis):
        return service_on(install({"celery_broker": "redis"}), tmp_path, broker.url)
    # The queue is named by the project, so that no other on this broker is disturbed.
    project = install({"celery_broker": "rabbitmq", "project_slug": "template_tests"})
    return service_on(project, tmp_path, broker.url)


@pytest.fixture
def impatient(service: Service, broker: Redis | RabbitMQ) -> Service:
    """A service that waits 12 s, and not minutes, for a worker or a message that vanished."""
    lines = [
        "IMAGES_STUCK_AFTER = 12",
        "CELERY_BEAT_SCHEDULE['images']['schedule'] = timedelta(seconds=1)",
    ]
    if isinstance(broker, Redis):  # RabbitMQ sees at once that a connection has ended
        lines += [
            "CELERY_BROKER_TRANSPORT_OPTIONS['visibility_timeout'] = 12",
            "CELERY_BROKER_TRANSPORT_OPTIONS['unacked_restore_interval'] = 1",
        ]
    return service.changed(*lines)


def send(client: httpx.Client, image: bytes) -> httpx.Response:
    return client.post("/api/images/", files={"image": ("../../etc/passwd", image, "image/png")})


def send_until_taken(client: httpx.Client, image: bytes) -> str:
    """Send an image again and again, as its client should, until it is taken; return its address."""
    give_up = time.monotonic() + PATIENCE
    while (response := send(client, image)).status_code != 202:
        assert_refused(response)
        assert time.monotonic() < give_up
        time.sleep(0.5)
    return response.headers["location"]


def assert_refused(*responses: httpx.Response) -> None:
    for response in responses:
        assert response.status_code == 503
        assert int(response.headers["retry-after"]) > 0


def read_link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:  # it is closed, or another's
        return ""


def pictures(client: httpx.Client, address: str) -> list[bytes]:
    """Return the content of each picture of an image."""
    described = client.get(address).json()["pictures"]
    return [client.get(url).content for each in described for url in each["urls"].values()]


def wait_for_state(client: httpx.Client, address: str, *statuses: str) -> dict[str, Any]:
    give_up = time.monotonic() + PATIENCE
    while True:
        state: dict[str, Any] = client.get(address).json()
        if state["status"] in statuses:
            return state
        assert time.monotonic() < give_up, state
        time.sleep(0.1)


def assert_files(service: Service, count: int) -> None:
    """Wait for the originals to go, which they do just after their rows say that all is done."""
    wait_until(lambda: len(service.files()) == count, PATIENCE)


def test_work_whose_process_is_killed_is_done_again(service: Service) -> None:
    with service.web() as client, service.worker() as worker:
        address = send(client, service.image(6000, 5000)).headers["location"]
        wait_for_state(client, address, "running")
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(worker.pid)], capture_output=True, check=True
        )
        for pid in children.stdout.split():
            os.kill(int(pid), signal.SIGKILL)

        state = wait_for_state(client, address, "done", "failed")

        assert state["status"] == "done"
        assert_files(service, PICTURES)


def test_the_work_of_a_whole_worker_that_is_killed_is_done_again_once(impatient: Service) -> None:
    image = impatient.image(4000, 3000)
    with impatient.web() as client:
        with impatient.worker() as worker:
            killed = send(client, image).headers["location"]
            wait_for_state(client, killed, "running")
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
        assert client.get(killed).json()["status"] == "running"
        with impatient.worker():
            assert wait_for_state(client, killed, "done", "failed")["status"] == "done"
            undisturbed = send(client, image).headers["location"]
            wait_for_state(client, undisturbed, "done", "failed")

        assert impatient.rows() == [("done", 2), ("done", 1)]
        assert pictures(client, killed) == pictures(client, undisturbed)
        assert_files(impatient, 2 * PICTURES)


def test_a_broker_that_hangs_and_then_restarts_costs_nothing(
    impatient: Service, broker: Redis | RabbitMQ
) -> None:
    image = impatient.image(2000, 1500)
    with (
        impatient.web() as client,
        impatient.worker(),
        impatient.beat(),
        ThreadPoolExecutor(SENDERS) as senders,
    ):
        addresses = [send(client, image).headers["location"] for _ in range(4)]
        wait_for_state(client, addresses[0], "running", "done")

        broker.hang()
        # As many as may wait for a broker at once.
        assert_refused(*senders.map(lambda _: send(client, image), range(SENDERS)))
        assert client.get("/livez").status_code == 200
        broker.go_on()
        addresses.append(send_until_taken(client, image))

        broker.stop()
        assert_refused(send(client, image))
        broker.start()
        addresses.append(send_until_taken(client, image))

        for address in addresses:
            assert wait_for_state(client, address, "done", "failed")["status"] == "done"
        assert len(impatient.rows()) == len(addresses)
        assert_files(impatient, len(addresses) * PICTURES)


def test_what_the_broker_loses_is_queued_again(impatient: Service) -> None:
    with impatient.web() as client:
        address = send(client, impatient.image(400, 300)).headers["location"]
        purge = ("celery", "--app", "config.celery", "purge", "--force")
        assert impatient.project.run(*purge, **impatient.environment).returncode == 0
        with impatient.worker(), impatient.beat():
            assert wait_for_state(client, address, "done", "failed")["status"] == "done"


def test_a_worker_that_is_told_to_stop_loses_nothing(service: Service) -> None:
    image = service.image(3000, 2000)
    with service.web() as client:
        with service.worker() as worker:
            addresses = [send(client, image).headers["location"] for _ in range(6)]
            wait_for_state(client, addresses[0], "running", "done")
            worker.terminate()
            assert worker.wait(timeout=60) == 0
        with service.worker():
            states = [wait_for_state(client, address, "done", "failed") for address in addresses]

    assert [state["status"] for state in states] == ["done"] * 6
    assert_files(service, 6 * PICTURES)
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
        states = [wait_for_state(client, address, "done", "failed") for address in addresses]

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
        assert wait_for_state(client, address, "done", "failed")["status"] == "done"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files as Linux does")
def test_a_client_that_hangs_up_half_way_leaves_nothing(
    install: Callable[[Answers], Project], tmp_path: Path
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    service = service_on(install({"celery_broker": "redis"}), tmp_path, None)
    service.environment["TMPDIR"] = str(folder)

    def temporary_files() -> list[str]:
        """Return those that any process has open; most have no name."""
        links = Path("/proc").glob("[0-9]*/fd/*")
        return [target for link in links if (target := read_link(link)).startswith(str(folder))]

    with service.web() as client:
        head = (
            "POST /api/images/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
            '--x\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
        )
        with socket.create_connection((client.base_url.host, client.base_url.port)) as half:
            half.sendall(head.encode() + b"x" * 5_000_000)
            wait_until(lambda: temporary_files() != [], PATIENCE)
        wait_until(lambda: temporary_files() == [], PATIENCE)

        assert client.get("/livez").status_code == 200
        assert service.rows() == []
        assert service.files() == []
        assert [path.name for path in folder.iterdir() if not path.name.startswith("uv-")] == []


def test_with_no_server_at_all_a_worker_does_the_work(
    install: Callable[[Answers], Project], tmp_path: Path
) -> None:
    project = install({"celery_broker": "redis"})
    shutil.rmtree(project.path / ".tasks", ignore_errors=True)
    service = service_on(project, tmp_path, None)
    with service.web() as client, service.worker():
        address = send(client, service.image(400, 300)).headers["location"]

        assert wait_for_state(client, address, "done", "failed")["status"] == "done"


def test_the_projects_own_tests_use_the_broker_that_is_named(service: Service) -> None:
    scheme = urlsplit(service.environment["CELERY_BROKER_URL"]).scheme

    done = service.project.run("pytest", "-s", "tests/test_tasks.py", **service.environment)

    assert done.returncode == 0, done.stdout
    assert f"Connected to {scheme}:" in done.stdout
