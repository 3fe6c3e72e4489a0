"""What listening to events costs: part of `make bench`, called by run.py."""

import json
import os
import resource
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import run

LISTENERS = 5000
EVENTS = 9
REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")
STREAM, PUBLISH = "/events/bench/", "/bench/publish/"


def events(project: Path) -> None:
    """Compare a stream of the template with other ways to make one, at 5,000 listeners."""
    run.title(f"{LISTENERS:,} listeners on one Uvicorn worker")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < LISTENERS + 100:
        print(f"Left out: this system allows {hard} open files, too few for it.")
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    memory, redis = {"EVENTS_URL": "memory://"}, {"EVENTS_URL": REDIS_URL}
    variants = {
        "a bare ASGI stream, broadcast in process": Variant("bench_raw_events:application"),
        "this template, in memory": Variant(environment=memory),
        "django-eventstream in the same service, in memory": Variant(
            environment=memory | {"BENCH_EVENTSTREAM": "1"},
            stream="/bench/eventstream/bench/",
            publish="/bench/eventstream-publish/",
        ),
    }
    if answers(REDIS_URL):
        variants |= {
            "a bare ASGI stream, a Redis subscription each": Variant(
                "bench_redis_each:application", redis
            ),
            "this template, through Redis": Variant(environment=redis),
        }
    figures = {name: measure(project, variant) for name, variant in variants.items()}
    first = next(iter(figures.values()))
    print(
        "| | kB each | threads for all | opening all, first = 1 | one event to all, p99, first = 1 |"
    )
    print("|---|---|---|---|---|")
    for name, figure in figures.items():
        opening, p99 = (figure[key] / first[key] for key in ("opening_s", "p99_ms"))
        print(f"| {name} | {figure['kb']:.1f} | {figure['threads']} | {opening:.2f} | {p99:.2f} |")
    idle(project)
    if answers(REDIS_URL):
        steady(project)


@dataclass(frozen=True)
class Variant:
    """One way to stream events: an application, its environment and its two routes."""

    application: str = "config.asgi:application"
    environment: Mapping[str, str] = field(default_factory=dict)
    stream: str = STREAM
    publish: str = PUBLISH


def measure(project: Path, variant: Variant) -> dict[str, float]:
    """Open all listeners, publish some events, and return what it took; medians of the rounds."""
    rounds = []
    command, more = run.uvicorn(variant.application), dict(variant.environment)
    for _ in range(run.ROUNDS):
        run.progress(f"{LISTENERS} listeners, {variant.application} {variant.stream} {more}")
        with run.service(project, command, core=0, more=more) as process:
            for _ in range(3):
                run.get(run.URL + variant.publish)
            memory, threads = state(process.pid)
            with listening(project, EVENTS, variant) as client:
                output = iter(client.stdout or ())
                figure: dict[str, Any] = json.loads(next(output))
                memory_with, threads_with = state(process.pid)
                figure |= json.loads(next(output))
            assert figure["lost"] == 0
            figure["kb"] = (memory_with - memory) / LISTENERS
            figure["threads"] = threads_with - threads
            rounds.append(figure)
    return {
        key: sorted(figure[key] for figure in rounds)[len(rounds) // 2]
        for key in ("opening_s", "p99_ms", "kb", "threads")
    }


def idle(project: Path) -> None:
    """Print what idle listeners cost the fan-out view on the same worker."""
    with run.service(project, run.uvicorn(), core=0, more={"EVENTS_URL": "memory://"}):
        without = run.settled(run.OURS, 16)
        with listening(project, 0, Variant()) as client:
            next(iter(client.stdout or ()))
            beside = run.settled(run.OURS, 16)
            client.terminate()
    ratio = beside.p95_ms / without.p95_ms
    print(f"\nThe fan-out view's p95 with them idle on the same worker, of without: {ratio:.2f}.")


def steady(project: Path) -> None:
    """Print whether 1,000 events a second reach all who listen on two processes, in order."""
    run.progress("1,000 events a second for 30 s")
    more = {"EVENTS_URL": REDIS_URL}
    second = run.PORT + 2
    command = [".venv/bin/python", "-m", "bench_steady", "1000", "30", "100"]
    urls = [run.URL + STREAM, f"http://127.0.0.1:{second}{STREAM}"]
    with (
        run.service(project, run.uvicorn(), more=more),
        run.service(project, run.uvicorn(port=second), port=second, more=more),
    ):
        done = subprocess.run(
            [*command, *urls],
            cwd=project,
            env=run.variables() | more,
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
    result = json.loads(done.stdout.splitlines()[-1])
    print(
        f"\n{result['published_per_second']:.0f} events a second for 30 s to 100 listeners over two "
        f"processes, through Redis: {result['lost']} lost, {result['out_of_order']} out of order."
    )


def listening(project: Path, count: int, variant: Variant) -> subprocess.Popen[str]:
    command = [".venv/bin/python", str(run.BENCHMARKS / "listeners.py")]
    urls = [run.URL + variant.stream, run.URL + variant.publish]
    return subprocess.Popen(
        run.on_core(1, [*command, *urls, str(LISTENERS), str(count)]),
        cwd=project,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )


def state(pid: int) -> tuple[int, int]:
    """Return the resident memory, in kB, and the number of threads of a process."""
    done = subprocess.run(
        ["ps", "-o", "rss=,nlwp=", "-p", str(pid)], capture_output=True, check=True
    )
    memory, threads = done.stdout.split()
    return int(memory), int(threads)


def answers(url: str) -> bool:
    host, _, port = url.partition("://")[2].partition(":")
    try:
        socket.create_connection((host, int(port.partition("/")[0])), timeout=1).close()
    except OSError:
        return False
    return True
