"""Show what the template makes: render the default project, run it, and keep serving it.

Without a terminal, as in CI, it ends by itself once the service has answered.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).resolve().parent.parent
OUTPUT = TEMPLATE / ".demo"
PROJECT = OUTPUT / "my_async_service"
KEPT = {".venv", "uv.lock"}
"""What a second run takes over from the first, so that it is quick."""

UV = os.environ.get("UV", "uv")  # uv tells whatever it runs where it is
UPSTREAMS = ("INVENTORY", "NOTIFICATIONS", "ANALYTICS", "USERS", "BILLING")
START_TIMEOUT = 30.0
"""Seconds that a server may take to start."""


@dataclass(frozen=True)
class Server:
    url: str
    process: subprocess.Popen[bytes]


def main() -> int:
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    try:
        prepare()
        with ExitStack() as servers:
            serve(servers)
    except KeyboardInterrupt:
        print("\nStopped.")
    except DemoError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


def prepare() -> None:
    step("Rendering the default project into .demo/my_async_service")
    render()
    step("Installing it (a minute the first time)")
    run(UV, "sync", "--quiet")
    step("Migrating its database")
    run(UV, "run", "--no-sync", "manage.py", "migrate", "--verbosity", "0")


def start(servers: ExitStack) -> tuple[Server, Server]:
    """Start the service and the stubs until the stack is left."""
    port, stubs_port = free_port(8000), free_port(8001)
    stubs_url, url = f"http://127.0.0.1:{stubs_port}", f"http://127.0.0.1:{port}"
    environment = {f"UPSTREAM_{name}_URL": stubs_url for name in UPSTREAMS}
    environment["STUBS_URL"] = stubs_url

    step("Starting the stub upstreams and the service")
    stubs = servers.enter_context(running("stubs.app", stubs_port, environment))
    service = servers.enter_context(running("config.asgi", port, environment))
    wait_for(f"{stubs_url}/_control", stubs)
    wait_for(f"{url}/livez", service)
    return Server(url, service), Server(stubs_url, stubs)


def serve(servers: ExitStack) -> None:
    """Start everything, show what the service answers, and wait for Ctrl-C."""
    service, stubs = start(servers)

    step(f"Asking {service.url}/api/dashboard/")
    answer = get_json(f"{service.url}/api/dashboard/")
    missing = [name for name, part in answer["data"].items() if not part]
    if missing:
        raise DemoError(f"The dashboard lacks {', '.join(missing)}: {answer['errors']}")
    for name, part in answer["data"].items():
        print(f"    {name:<14} {json.dumps(part)}")
    print(f"    three services in {answer['elapsed_ms']:.0f} ms")

    if not sys.stdin.isatty():
        return
    print(f"\nOpen {service.url}/ and break something. Ctrl-C stops it.")
    while service.process.poll() is None and stubs.process.poll() is None:
        time.sleep(0.5)
    raise DemoError("A server ended by itself; its output is above.")


class DemoError(Exception):
    """Something that the demo cannot go on from."""


def step(text: str) -> None:
    print(f"- {text}", flush=True)


def render() -> None:
    """Render anew, but keep the environment that an earlier run installed."""
    if PROJECT.exists():
        for path in PROJECT.iterdir():
            if path.name in KEPT:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    command = ["cookiecutter", str(TEMPLATE), "--no-input", "--overwrite-if-exists"]
    run(sys.executable, "-m", *command, "--output-dir", str(OUTPUT), cwd=TEMPLATE, quiet=True)


def run(*command: str, cwd: Path = PROJECT, quiet: bool = False) -> None:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=project_environment(),
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        encoding="utf-8",
        check=False,
    )
    if done.returncode != 0:
        raise DemoError(f"{done.stdout or ''}\nThis failed: {' '.join(command)}")


def project_environment() -> dict[str, str]:
    """The environment without the template's own virtual environment, which uv set for us."""
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    return environment | {"PYTHONUTF8": "1"}


@contextmanager
def running(
    module: str, port: int, environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; in a session of its own, so that Ctrl-C is ours alone."""
    command = [UV, "run", "--no-sync", "uvicorn", f"{module}:application", "--workers", "1"]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--log-level", "warning"],
        cwd=PROJECT,
        env=project_environment() | environment,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def free_port(wanted: int) -> int:
    """Return the port that is wanted, or another one if somebody has it."""
    for port in (wanted, 0):
        with socket.socket() as listener:
            if os.name != "nt":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            free: int = listener.getsockname()[1]
            if free != wanted:
                step(f"Port {wanted} is taken; taking {free}")
            return free
    raise DemoError("There is no free port on this machine.")


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < give_up:
        try:
            get_json(url)
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise DemoError(f"Nothing answers at {url}.")


def get_json(url: str) -> Any:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise DemoError(f"{url} answered with status {error.code}.") from None


if __name__ == "__main__":
    sys.exit(main())
