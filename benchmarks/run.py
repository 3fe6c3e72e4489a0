"""Measure the claims of the README: `make bench` (needs wrk, https://github.com/wg/wrk).

Renders the project, runs it with production settings beside three upstreams that take 20 ms, and
compares its fan-out view with the same view built in other ways. Figures of one table come from
one run in which the variants take turns; each is the median of three rounds. Take the ratios: the
absolute numbers are this machine's.
"""

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg
from psycopg import sql

BENCHMARKS = Path(__file__).resolve().parent
UV = os.environ.get("UV", "uv")
PORT, UPSTREAM_PORT = 9200, 9201
URL, UPSTREAM_URL = f"http://127.0.0.1:{PORT}", f"http://127.0.0.1:{UPSTREAM_PORT}"
ROUNDS = 3
SECONDS = 5
NAIVE_SECONDS = 15  # at a few answers a second, fewer would say nothing
CONNECTIONS = 64
UPSTREAM_MS = 20

OURS = "/api/dashboard/"
NAIVE = "/bench/client-per-request/"
SHARED = "/bench/shared-httpx/"
DIRECT = "/bench/direct-aiohttp/"
SYNC = "/bench/requests/"
NAMES = {
    OURS: "this template's view",
    NAIVE: "an httpx client per request (the article)",
    SHARED: "one shared httpx client",
    DIRECT: "aiohttp called directly, no layer",
}
GUNICORN = ["gunicorn", "--bind", f"127.0.0.1:{PORT}", "--log-level", "warning"]
ASYNC_GUNICORN = [*GUNICORN, "-w2", "-kuvicorn_worker.UvicornWorker", "config.asgi:application"]
POSTGRESQL_URL = os.environ.get("POSTGRESQL_URL", "postgres://postgres@127.0.0.1:5432")
DATABASE = "cookiecutter_django_async_bench"


def uvicorn(application: str = "config.asgi:application", port: int = PORT) -> list[str]:
    command = ["python", "-m", "uvicorn", application, "--workers", "1", "--port", str(port)]
    command += ["--log-level", "warning", "--no-access-log"]
    return [*command, "--timeout-graceful-shutdown", "2"]  # a bare stream would never end


@dataclass(frozen=True)
class Load:
    """What wrk saw in one round."""

    rate: float
    p50_ms: float
    p95_ms: float
    incomplete: int


def main() -> int:
    if shutil.which("wrk") is None:
        print("This needs wrk: apt-get install wrk, or brew install wrk.", file=sys.stderr)
        return 1
    cpu = next(
        (line.partition(":")[2].strip() for line in cpu_info() if line.startswith("model name")),
        platform.processor(),
    )
    # These import this module.
    import events
    import tasks

    with tempfile.TemporaryDirectory() as folder:
        project = prepare(Path(folder))
        with upstreams(project):
            print(f"\n{date.today()}, {cpu}, {os.cpu_count()} cores, Python {platform.python_version()}")  # fmt: skip
            clients(project)
            request_paths(project)
            orders(project)
            events.events(project)
            processes(project)
            failing(project)
            pool(Path(folder))
            if events.answers(events.REDIS_URL):
                tasks.tasks(Path(folder))
    return 0


def cpu_info() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


# What is measured


def clients(project: Path) -> None:
    """The same view on different clients, one worker."""
    with service(project, uvicorn(), core=0):
        results = compare([NAIVE, SHARED, DIRECT, OURS], CONNECTIONS)
        alone = statistics.median(load(OURS, 1, 4).p50_ms for _ in range(ROUNDS))
    memory = {path: memory_after_load(project, path) for path in (SHARED, OURS)}

    title(f"One Uvicorn worker, {CONNECTIONS} connections")
    print("| client | requests/s, naive = 1 | p95, naive = 1 | incomplete answers |")
    print("|---|---|---|---|")
    naive = results[NAIVE]
    for path, result in results.items():
        rate, p95 = result.rate / naive.rate, result.p95_ms / naive.p95_ms
        print(f"| {NAMES[path]} | {rate:.1f} | {p95:.3f} | {result.incomplete} |")
    print(f"\nOf aiohttp called directly: {results[OURS].rate / results[DIRECT].rate:.2f}.")
    print(f"Alone, at the median, it takes {alone - UPSTREAM_MS:.1f} ms more than its upstreams.")
    ratio = memory[OURS] / memory[SHARED]
    print(f"Memory of the worker, of one with plain httpx: {ratio:.2f}.")


def processes(project: Path) -> None:
    """Two async workers beside the sync servers that people come from."""
    servers = {
        "4 sync workers, requests": (
            [*GUNICORN, "--workers", "4", "config.wsgi:application"],
            SYNC,
        ),
        "4 workers × 8 threads, requests": (
            [*GUNICORN, "--workers", "4", "--threads", "8", "config.wsgi:application"],
            SYNC,
        ),
        "this template, 2 Uvicorn workers": (ASYNC_GUNICORN, OURS),
    }
    title(f"Gunicorn, {CONNECTIONS} connections")
    print_servers(servers, project)


def print_servers(servers: dict[str, tuple[list[str], str]], project: Path) -> None:
    rounds: dict[str, list[Load]] = {name: [] for name in servers}
    for _ in range(ROUNDS):
        for name, (command, path) in servers.items():
            progress(name)
            with service(project, command):
                rounds[name].append(load(path, CONNECTIONS, SECONDS))
    first = median(next(iter(rounds.values())))
    print("| server | requests/s, first = 1 | p95, first = 1 | p95 in ms | incomplete |")
    print("|---|---|---|---|---|")
    for name, loads in rounds.items():
        result = median(loads)
        print(
            f"| {name} | {result.rate / first.rate:.2f} | {result.p95_ms / first.p95_ms:.2f} "
            f"| {result.p95_ms:.0f} | {result.incomplete} |"
        )


def request_paths(project: Path) -> None:
    """The lean request path beside Django's own and other frameworks, all with the same client."""
    django = {"BENCH_DJANGOS_OWN": "1"}
    servers: dict[str, tuple[str, dict[str, str]]] = {
        "Django's own handler and middleware": ("config.asgi:application", django),
        "this template": ("config.asgi:application", {}),
        "FastAPI": ("bench_frameworks:fastapi", {}),
        "Starlette": ("bench_frameworks:starlette", {}),
        "Litestar": ("bench_frameworks:litestar", {}),
    }
    fan_out: dict[str, list[Load]] = {name: [] for name in servers}
    hello: dict[str, list[Load]] = {name: [] for name in servers}
    for _ in range(ROUNDS):
        for name, (application, more) in servers.items():
            progress(name)
            with service(project, uvicorn(application), core=0, more=more):
                fan_out[name].append(load(OURS, CONNECTIONS, SECONDS))
                hello[name].append(load("/hello", CONNECTIONS, SECONDS // 2))

    title("The request path, one Uvicorn worker, the same fan-out")
    print("| | requests/s, first = 1 | p95, first = 1 | incomplete | hello, first = 1 |")
    print("|---|---|---|---|---|")
    first, first_hello = (median(next(iter(loads.values()))) for loads in (fan_out, hello))
    for name in servers:
        result, greeting = median(fan_out[name]), median(hello[name])
        print(
            f"| {name} | {result.rate / first.rate:.2f} | {result.p95_ms / first.p95_ms:.2f} "
            f"| {result.incomplete} | {greeting.rate / first_hello.rate:.2f} |"
        )
    ours, fastapi = median(fan_out["this template"]), median(fan_out["FastAPI"])
    print(f"\nOf FastAPI: {ours.rate / fastapi.rate:.2f}.")


def orders(project: Path) -> None:
    """The 50 newest of 100,000 orders, async beside a sync view under threads."""
    progress("seeding 100,000 orders")
    run([".venv/bin/python", "manage.py", "migrate"], project)
    run([".venv/bin/python", "manage.py", "seed_demo", "--orders", "100000"], project)
    servers = {
        "2 workers × 8 threads, a sync view": (
            [*GUNICORN, "--workers", "2", "--threads", "8", "config.wsgi:application"],
            "/bench/recent-sync/",
        ),
        "this template, 2 Uvicorn workers": (ASYNC_GUNICORN, "/api/orders/recent/"),
    }
    title("The 50 newest of 100,000 orders with customers and items, 64 connections")
    print_servers(servers, project)


def pool(folder: Path) -> None:
    """PostgreSQL at 64 connections on one worker, with the pool and without."""
    title("PostgreSQL, one Uvicorn worker, 64 connections")
    try:
        server = psycopg.connect(f"{POSTGRESQL_URL}/postgres", autocommit=True)
    except psycopg.OperationalError:
        print("Left out: there is no PostgreSQL at POSTGRESQL_URL.")
        return
    name = sql.Identifier(DATABASE)
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name)
    server.execute(drop)
    server.execute(sql.SQL("CREATE DATABASE {}").format(name))
    more = {"DATABASE_URL": f"{POSTGRESQL_URL}/{DATABASE}"}
    try:
        project = prepare(folder / "postgresql", more, "database=postgresql")
        run([".venv/bin/python", "manage.py", "migrate"], project, more)
        run([".venv/bin/python", "manage.py", "seed_demo", "--orders", "10000"], project, more)
        variants = {"without a pool": {"BENCH_NO_POOL": "1"}, "as shipped": {}}
        rounds: dict[str, list[Load]] = {variant: [] for variant in variants}
        most = dict.fromkeys(variants, 0)
        for _ in range(ROUNDS):
            for variant, extra in variants.items():
                progress(variant)
                with service(project, uvicorn(), core=0, more=more | extra):
                    with counting(server) as connections:
                        rounds[variant].append(load("/api/orders/stats/", CONNECTIONS, SECONDS))
                    most[variant] = max(most[variant], *connections)
    finally:
        server.execute(drop)
        server.close()
    first = median(rounds["without a pool"])
    print("| | requests/s, first = 1 | errors | most connections |")
    print("|---|---|---|---|")
    for variant, loads in rounds.items():
        result = median(loads)
        print(
            f"| {variant} | {result.rate / first.rate:.2f} | {result.incomplete} "
            f"| {most[variant]} |"
        )


@contextmanager
def counting(server: psycopg.Connection) -> Iterator[list[int]]:
    """Count the connections to the benchmark's database until the block ends."""
    counts = [0]
    stop = threading.Event()

    def count() -> None:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
        while not stop.wait(0.1):
            row = server.execute(query, [DATABASE]).fetchone()
            counts.append(row[0] if row else 0)

    thread = threading.Thread(target=count)
    thread.start()
    try:
        yield counts
    finally:
        stop.set()
        thread.join()


def failing(project: Path) -> None:
    """One upstream hangs: what it costs before the circuit opens, and after."""
    timeout = 1.0
    title("One upstream hangs")
    limit = {"UPSTREAM_ANALYTICS_TIMEOUT": str(timeout)}
    with service(project, uvicorn(), core=0, more=limit | {"BENCH_NO_BREAKER": "1"}):
        put("/_hang/analytics")
        hanging = settled(OURS, CONNECTIONS)
        put("/_heal")
    with service(project, uvicorn(), core=0, more=limit):
        healthy = settled(OURS, CONNECTIONS)
        put("/_hang/analytics")
        load(OURS, CONNECTIONS, 3)  # opens the circuit
        opened = settled(OURS, CONNECTIONS)
        put("/_heal")
    print(f"p95 while it hangs, of its timeout: {hanging.p95_ms / timeout / 1000:.2f}.")
    print(
        f"p95 once the circuit is open, of the healthy p95: {opened.p95_ms / healthy.p95_ms:.2f}."
    )


# How


def compare(paths: list[str], connections: int) -> dict[str, Load]:
    rounds: dict[str, list[Load]] = {path: [] for path in paths}
    for number in range(ROUNDS):
        for path in paths:
            progress(f"round {number + 1} of {ROUNDS}, {path}")
            seconds = NAIVE_SECONDS if path == NAIVE else SECONDS
            rounds[path].append(load(path, connections, seconds))
    return {path: median(loads) for path, loads in rounds.items()}


def median(loads: list[Load]) -> Load:
    """Return the median of each figure, and all incomplete answers."""
    return Load(
        statistics.median(load.rate for load in loads),
        statistics.median(load.p50_ms for load in loads),
        statistics.median(load.p95_ms for load in loads),
        sum(load.incomplete for load in loads),
    )


def settled(path: str, connections: int) -> Load:
    """Return the medians of rounds that follow each other."""
    return median([load(path, connections, SECONDS) for _ in range(ROUNDS)])


def load(path: str, connections: int, seconds: int) -> Load:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s"]
    command += ["-s", str(BENCHMARKS / "check.lua"), URL + path]
    done = subprocess.run(on_core(1, command), capture_output=True, encoding="utf-8", check=True)
    figures = json.loads(done.stdout.splitlines()[-1])
    if figures["failed"]:
        raise RuntimeError(f"{path}: {figures['failed']} requests had no answer at all.")
    rate = figures["requests"] / figures["seconds"]
    return Load(rate, figures["p50_ms"], figures["p95_ms"], figures["incomplete"])


def memory_after_load(project: Path, path: str) -> int:
    """Return the resident memory of a worker that served one view only, in kB."""
    with service(project, uvicorn(), core=0) as process:
        load(path, CONNECTIONS, SECONDS)
        command = ["ps", "-o", "rss=", "-p", str(process.pid)]
        return int(subprocess.run(command, capture_output=True, check=True).stdout)


def prepare(folder: Path, more: dict[str, str] | None = None, *answers: str) -> Path:
    """Render and install a project, and what the other variants need."""
    progress("rendering and installing")
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "cookiecutter", "--no-input", str(BENCHMARKS.parent)]
    run([*command, *answers, "--output-dir", str(folder)], folder)
    project = folder / "my_async_service"
    run([UV, "sync", "--quiet", "--no-dev"], project)
    others = ["requests", "fastapi", "litestar", "django-eventstream"]
    run([UV, "pip", "install", "--quiet", *others], project)
    run([".venv/bin/python", "manage.py", "collectstatic", "--no-input"], project, more)
    return project


def run(command: list[str], folder: Path, more: dict[str, str] | None = None) -> None:
    environment = variables() | (more or {})
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def variables() -> dict[str, str]:
    names = ("INVENTORY", "NOTIFICATIONS", "ANALYTICS", "USERS", "BILLING", "AUTH")
    return {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"} | {
        "DJANGO_SETTINGS_MODULE": "bench_settings",
        "PYTHONPATH": os.pathsep.join([str(BENCHMARKS / "service"), "."]),
        "DJANGO_SECRET_KEY": "only-for-this-benchmark-" * 3,
        "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
        "LOG_LEVEL": "WARNING",
        "EVENTS_PUBLIC_TOPICS": "bench",
        "SHUTDOWN_DELAY": "0",
        "EVENTS_MAX_LISTENERS_PER_CLIENT": "10000",
        **{f"UPSTREAM_{name}_URL": UPSTREAM_URL for name in names},
    }


@contextmanager
def upstreams(project: Path) -> Iterator[None]:
    command = [".venv/bin/python", str(BENCHMARKS / "upstreams.py"), str(UPSTREAM_PORT)]
    with running(on_core(1, command), project, variables(), f"{UPSTREAM_URL}/inventory"):
        yield


@contextmanager
def service(
    project: Path,
    command: list[str],
    *,
    core: int | None = None,
    port: int = PORT,
    more: dict[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    command = [f".venv/bin/{command[0]}", *command[1:]]
    if core is not None:
        command = on_core(core, command)
    with running(
        command, project, variables() | (more or {}), f"http://127.0.0.1:{port}/livez"
    ) as process:
        yield process


@contextmanager
def running(
    command: list[str], project: Path, environment: dict[str, str], url: str
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, cwd=project, env=environment)
    try:
        give_up = time.monotonic() + 20
        while True:
            try:
                urllib.request.urlopen(url, timeout=5).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > give_up:
                    raise RuntimeError(f"Nothing answers at {url}.") from None
                time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait()


def on_core(core: int, command: list[str]) -> list[str]:
    """Keep a command on one core, so that the load does not take time from the service."""
    if shutil.which("taskset") is None:
        return command
    return ["taskset", "--cpu-list", str(core), *command]


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as response:
        content: bytes = response.read()
        return content


def put(path: str) -> None:
    urllib.request.urlopen(urllib.request.Request(UPSTREAM_URL + path, method="PUT")).close()


def title(text: str) -> None:
    print(f"\n### {text}\n")


def progress(text: str) -> None:
    print(f"- {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
