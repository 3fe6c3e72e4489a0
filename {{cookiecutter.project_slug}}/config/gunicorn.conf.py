"""Gunicorn's settings: `gunicorn --config config/gunicorn.conf.py config.asgi:application`.

https://docs.gunicorn.org/en/stable/settings.html
"""

import os
import signal
import sys
from importlib import import_module
from math import ceil
from pathlib import Path
from typing import Any

{% if cookiecutter.server == "gunicorn-uvicorn" %}
from uvicorn_worker import UvicornWorker

from config.env import CANNOT_START, errors_end_the_start
from config.uvicorn_protocol import Protocol
{% else %}
from config.env import CANNOT_START, errors_end_the_start
{% endif %}

# Once before any worker: a bad environment ends in one message, not in one worker after another.
with errors_end_the_start():
    settings = import_module(os.environ.get("DJANGO_SETTINGS_MODULE", "config.settings.local"))

{% if cookiecutter.server == "gunicorn" %}
# A sync worker cannot serve this application.
worker_class = "config.gunicorn_worker.Worker"
asgi_lifespan = "on"
{% else %}

class Worker(UvicornWorker):  # type: ignore[misc]
    """One event loop per worker process, as config/asgi.py needs it."""

    CONFIG_KWARGS = UvicornWorker.CONFIG_KWARGS | {
        "http": Protocol,
        "lifespan": "on",
        "ws": "none",
        "server_header": False,
        "timeout_graceful_shutdown": settings.SHUTDOWN_TIMEOUT,
    }


# A sync worker cannot serve this application.
worker_class = Worker
{% endif %}
workers = settings.WORKERS
bind = f"0.0.0.0:{settings.PORT}"

# From SIGTERM until a worker that has not ended is killed, in seconds: what it takes by its own
# rules, and a little to close what it had opened.
graceful_timeout = ceil(settings.SHUTDOWN_DELAY + settings.SHUTDOWN_TIMEOUT + 3)

keepalive = settings.KEEP_ALIVE

logconfig_dict = settings.LOGGING
# The application writes a line per request itself.
accesslog = None

# Where workers show that they live: in memory, where there is a place for files in memory.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108

# A socket in the home directory for gunicornc; a container has neither.
control_socket_disable = True

# Gunicorn's classes of workers that call an application the WSGI way.
WSGI_WORKERS = {"SyncWorker", "ThreadWorker", "AsyncWorker", "TornadoWorker"}


def on_starting(server: Any) -> None:
    """Refuse a worker that cannot work before any starts, in one message."""
    # The command line and GUNICORN_CMD_ARGS win over this file.
    classes = {kind.__name__ for kind in server.worker_class.__mro__}
    if server.app.app_uri.startswith("config.asgi") and classes & WSGI_WORKERS:
        server.log.error(
            "A '%s' worker cannot serve an ASGI application. Leave the worker class to "
            "config/gunicorn.conf.py, or serve config.wsgi:application.",
            server.cfg.worker_class_str,
        )
        sys.exit(CANNOT_START)


def post_fork(server: Any, worker: Any) -> None:
    """Let a SIGTERM end a worker that still starts; the handler it inherits would swallow it."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
