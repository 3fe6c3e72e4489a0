"""A project whose web process and workers run beside a test."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
from conftest import Project, unused_port


@dataclass(frozen=True)
class Service:
    """A project with images, and the environment that its processes share."""

    project: Project
    environment: dict[str, str]
    log: Path
    """What its workers wrote."""

    def changed(self, *lines: str) -> Service:
        """Return the same service with these lines at the end of its settings."""
        settings = self.log.with_name("changed.py")
        settings.write_text("\n".join(["from config.settings.local import *", *lines, ""]))
        environment = {"DJANGO_SETTINGS_MODULE": "changed", "PYTHONPATH": str(settings.parent)}
        return replace(self, environment=self.environment | environment)

    @contextmanager
    def web(self) -> Iterator[httpx.Client]:
        port = unused_port()
        command = ["uvicorn", "config.asgi:application", "--workers", "1", "--port", str(port)]
        with (
            self.project.serving(port, *command, "--log-level", "warning", **self.environment),
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
        ):
            yield client

    def worker(self) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """Run a worker with two processes, in a process group of its own."""
        return self._celery("worker", "--concurrency", "2")

    def beat(self) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """Queue what is due again and again."""
        return self._celery("beat")

    @contextmanager
    def _celery(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        production = {"REMAP_SIGTERM": "SIGQUIT", "LOG_FORMAT": "json"}
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [".venv/bin/celery", "--quiet", "--app", "config.celery", *arguments],
                cwd=self.project.path,
                env=self.project.environment | self.environment | production,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(timeout=60)
            print(self.log.read_text(encoding="utf-8"))

    def rows(self) -> list[tuple[str, int]]:
        """Return the status of each image, and how often a worker began with it."""
        path = self.environment["DATABASE_URL"].removeprefix("sqlite:///")
        with closing(sqlite3.connect(path)) as database:
            return database.execute("SELECT status, tries FROM images_image").fetchall()

    def files(self) -> list[str]:
        media = Path(self.environment["MEDIA_ROOT"])
        return [path.name for path in media.rglob("*") if path.is_file()]

    def image(self, width: int, height: int) -> bytes:
        """Return a JPEG that is work to decode."""
        code = (
            "import sys; from PIL import Image;"
            f"Image.effect_noise(({width}, {height}), 64).save(sys.stdout.buffer, 'JPEG', quality=30)"
        )
        return subprocess.run(
            [".venv/bin/python", "-c", code],
            cwd=self.project.path,
            env=self.project.environment,
            stdout=subprocess.PIPE,
            check=True,
        ).stdout


def service_on(project: Project, folder: Path, broker: str | None) -> Service:
    environment = {
        "DATABASE_URL": f"sqlite:///{folder / 'images.sqlite3'}",
        "MEDIA_ROOT": str(folder / "media"),
        **({"CELERY_BROKER_URL": broker} if broker else {}),
    }
    done = project.run("manage.py", "migrate", "--verbosity", "0", **environment)
    assert done.returncode == 0, done.stdout
    return Service(project, environment, folder / "worker.log")
