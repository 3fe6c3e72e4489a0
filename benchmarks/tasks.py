"""What queueing costs, and what CPU work costs the page: part of `make bench`, called by run.py."""

import json
import os
import statistics
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import run

REDIS_URL = f"{os.environ.get('REDIS_URL', 'redis://127.0.0.1:6379')}/13"
CONNECTIONS = 16
IMAGES = 60


def tasks(folder: Path) -> None:
    """Measure the enqueueing view, and the dashboard while images are made elsewhere and inline."""
    run.title("CPU work, one Uvicorn worker on a core of its own")
    more = {"CELERY_BROKER_URL": REDIS_URL, "MEDIA_ROOT": str(folder / "media")}
    project = run.prepare(folder / "tasks", more, "celery_broker=redis")
    run.run([".venv/bin/python", "manage.py", "migrate"], project, more)
    with run.service(project, run.uvicorn(), core=0, more=more):
        costs = [json.loads(run.get(f"{run.URL}/bench/enqueue/"))["ms"] for _ in range(300)]
        print(f"Queueing takes the view {statistics.median(costs):.1f} ms at the median.")
        idle = run.settled(run.OURS, CONNECTIONS).p95_ms
        image = picture(project)
        for _ in range(IMAGES):
            send(image)
        with worker(project, more):
            working = run.settled(run.OURS, CONNECTIONS).p95_ms
            left = json.loads(run.get(run.URL + send(image)))["status"]
        with inline():
            held_up = run.settled(run.OURS, CONNECTIONS).p95_ms
    print(f"The dashboard's p95 while a worker makes images, of idle: {working / idle:.2f}.")
    print(f"While the view makes them itself: {held_up / idle:.1f}.")
    if left != "queued":
        print("The worker was done too early for the first to mean much.")


def picture(project: Path) -> bytes:
    """Return a JPEG of 6 megapixels."""
    code = (
        "import sys; from PIL import Image;"
        "Image.effect_noise((3000, 2000), 64).save(sys.stdout.buffer, 'JPEG')"
    )
    command = [".venv/bin/python", "-c", code]
    return subprocess.run(command, cwd=project, capture_output=True, check=True).stdout


def send(image: bytes) -> str:
    """Send an image, and return where to ask what became of it."""
    head = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
    request = urllib.request.Request(
        f"{run.URL}/api/images/",
        head + image + b"\r\n--x--\r\n",
        {"Content-Type": "multipart/form-data; boundary=x"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        address: str = response.headers["Location"]
        return address


@contextmanager
def worker(project: Path, more: dict[str, str]) -> Iterator[None]:
    """Run a worker beside what makes the load, whose figures it must not change."""
    celery = [".venv/bin/celery", "--quiet", "--app", "config.celery"]
    command = ["nice", "-n", "19", *celery, "worker", "--concurrency", "1"]
    environment = run.variables() | more
    process = subprocess.Popen(run.on_core(1, command), cwd=project, env=environment)
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def inline() -> Iterator[None]:
    """Have one client send images to the view that makes them itself, one after the other."""
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            run.get(f"{run.URL}/bench/resize-inline/")

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
