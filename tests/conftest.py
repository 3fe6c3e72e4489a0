"""Renders and environments that the tests share, and what is left out when a service is missing."""

import os
import shutil
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from answers import PAIRS, SAMPLE, Answers, every_combination
from psycopg import sql
from pytest_cookies.plugin import Cookies
from xdist.scheduler import LoadFileScheduling

UV = os.environ.get("UV") or shutil.which("uv") or "uv"
POSTGRESQL_URL = os.environ.get("POSTGRESQL_URL", "postgres://postgres@127.0.0.1:5432")
"""A PostgreSQL server where the tests may make databases of their own."""
RABBITMQ_URL = os.environ.get("RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")
START_TIMEOUT = 30.0
"""Seconds that a server may take to start."""


@dataclass(frozen=True)
class Project:
    """A rendered project, installed in an environment of its own."""

    path: Path
    answers: Answers
    environment: dict[str, str]

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the project, as `uv run` does; its output is one text."""
        return subprocess.run(
            [UV, "run", "--no-sync", *command],
            cwd=self.path,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )

    @contextmanager
    def serving(
        self, port: int, *command: str, **environment: str
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run a server in the project, from when it answers until the block ends."""
        process = subprocess.Popen(
            [UV, "run", "--no-sync", *command],
            cwd=self.path,
            env=self.environment | environment,
        )
        try:
            wait_for(port, process)
            yield process
        finally:
            process.terminate()
            process.wait(timeout=60)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < give_up:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"No server on port {port}; its output says why.")


def unused_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def rabbitmq_url() -> str:
    """Return the address of a RabbitMQ that the tests may use; without one, leave the test out."""
    server = urlsplit(RABBITMQ_URL)
    try:
        socket.create_connection((server.hostname, server.port or 5672), timeout=2).close()
    except OSError:
        leave_out("RabbitMQ")
    return RABBITMQ_URL


@contextmanager
def redis_server(port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Redis that keeps what it has on disk."""
    path = shutil.which("redis-server")
    if path is None:
        leave_out("Redis")
    command = [path, "--port", str(port), "--dir", str(folder), "--appendonly", "yes"]
    process = subprocess.Popen(
        [*command, "--appendfsync", "always", "--loglevel", "warning"], stdout=subprocess.DEVNULL
    )
    try:
        wait_for(port, process)
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def render(cookies_session: Cookies) -> Callable[..., Path]:
    """Render with these answers, once in a session; for reading only."""
    rendered: dict[tuple[tuple[str, Any], ...], Path] = {}

    def once(**answers: Any) -> Path:
        key = tuple(sorted(answers.items()))
        if key not in rendered:
            rendered[key] = baked(cookies_session, **answers)
        return rendered[key]

    return once


def baked(cookies: Cookies, **answers: Any) -> Path:
    """Render anew with these answers."""
    result = cookies.bake(extra_context=answers)
    if result.exception:
        raise result.exception
    path: Path = result.project_path
    return path


def files(project: Path) -> list[Path]:
    """Return the files of a project, without its repository."""
    return [path for path in project.rglob("*") if path.is_file() and ".git" not in path.parts]


def tracked(project: Path) -> dict[str, bytes]:
    """Return what each file holds that git would keep."""
    return {
        path.relative_to(project).as_posix(): path.read_bytes()
        for path in files(project)
        if path.name != ".env"
    }


def succeeds(*command: str | Path, folder: Path | None = None, **environment: str) -> None:
    """Run a command, and fail with all that it said if it does."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout


def assert_clean(project: Path) -> None:
    """Fail if the linter or the formatter would change anything."""
    succeeds("ruff", "check", "--quiet", "--no-cache", ".", folder=project)
    succeeds("ruff", "format", "--check", "--quiet", "--no-cache", ".", folder=project)


@pytest.fixture(scope="session")
def install(
    render: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Callable[[Answers], Project]:
    """Render and install with these answers, once in a session."""
    installed: dict[tuple[tuple[str, Any], ...], Project] = {}

    def once(answers: Answers) -> Project:
        key = tuple(sorted(answers.items()))
        if key not in installed:
            path = tmp_path_factory.mktemp("project") / "service"
            shutil.copytree(render(**answers), path)
            environment = clean_environment()
            if answers.get("database") == "postgresql":
                environment["DATABASE_URL"] = _database(path.parent.name, request)
            project = Project(path, answers, environment)
            _sync(project)
            installed[key] = project
        return installed[key]

    return once


def clean_environment() -> dict[str, str]:
    """Return this environment without what makes uv use the template's own."""
    ours = {"VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "DJANGO_SETTINGS_MODULE", "DATABASE_URL"}
    return {name: value for name, value in os.environ.items() if name not in ours} | {
        "PYTHONUTF8": "1"
    }


def _sync(project: Project) -> None:
    done = subprocess.run(
        [UV, "sync", "--quiet"],
        cwd=project.path,
        env=project.environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    version = project.answers.get("python_version", "")
    if done.returncode != 0 and version:
        found = subprocess.run([UV, "python", "find", version], capture_output=True, check=False)
        if found.returncode != 0:
            leave_out(f"Python {version}", a_service=False)
    assert done.returncode == 0, done.stderr


def _database(name: str, request: pytest.FixtureRequest) -> str:
    """Make a database on the real server and return its URL; it is dropped after the session."""
    name = f"cookiecutter_{os.getpid()}_{name}"
    try:
        server = psycopg.connect(f"{POSTGRESQL_URL}/postgres", autocommit=True)
    except psycopg.OperationalError:
        leave_out("PostgreSQL")
    server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def drop() -> None:
        with server:
            for database in (name, f"test_{name}"):
                drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
                server.execute(drop.format(sql.Identifier(database)))

    request.addfinalizer(drop)
    return f"{POSTGRESQL_URL}/{name}"


@pytest.fixture(scope="session")
def default_project(install: Callable[[Answers], Project]) -> Project:
    return install({})


@pytest.fixture(scope="session")
def stubs_url(default_project: Project) -> Iterator[str]:
    """The address of the stub upstreams, running."""
    port = unused_port()
    command = ["uvicorn", "stubs.app:application", "--workers", "1", "--port", str(port)]
    with default_project.serving(port, *command, "--log-level", "warning"):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def stubs(stubs_url: str) -> Iterator[httpx.Client]:
    """A client that tells the stubs how to behave; afterwards they are healthy again."""
    with httpx.Client(base_url=stubs_url) as client:
        yield client
        for name in client.get("/_control").json():
            client.put(f"/_control/{name}", json={})


@pytest.fixture(scope="session")
def upstream_urls(stubs_url: str) -> dict[str, str]:
    """The environment that makes every upstream a stub."""
    names = ("INVENTORY", "NOTIFICATIONS", "ANALYTICS", "USERS", "BILLING", "AUTH")
    return {f"UPSTREAM_{name}_URL": stubs_url for name in names} | {"STUBS_URL": stubs_url}


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium or Chrome on this machine."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        leave_out("Chromium")
    return path


LEFT_OUT = "Left out for want of "


def leave_out(what: str, *, a_service: bool = True) -> NoReturn:
    """Skip the test for want of something; where REQUIRE_SERVICES=1 has all services, fail it."""
    if a_service and os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(f"REQUIRE_SERVICES=1, but there is no {what}.", pytrace=False)
    pytest.skip(f"{LEFT_OUT}{what}")


class Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """Keeps tests on one worker that share what they make: those of a file, of a sampled project."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        _, _, answers = test.partition("[")
        return f"{file}[{answers}" if file.endswith("test_project.py") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    """Hand the tests out to the workers, most at a time first, so that all end together."""
    return Scheduling(config, log)


def pytest_report_header() -> str:
    """Say how much of what the template can make the tests go through."""
    combinations, pairs = len(every_combination()), len(PAIRS)
    return (
        f"{combinations} combinations of answers; {pairs} pairs of them in {len(SAMPLE)} projects"
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what was left out, and for want of what, in the last lines."""
    reasons = [str(report.longrepr) for report in terminalreporter.getreports("skipped")]
    missing = Counter(
        reason.partition(LEFT_OUT)[2].rstrip("')") for reason in reasons if LEFT_OUT in reason
    )
    for what, count in missing.items():
        tests = "1 test" if count == 1 else f"{count} tests"
        terminalreporter.write_line(f"{LEFT_OUT}{what}: {tests}.", yellow=True)
