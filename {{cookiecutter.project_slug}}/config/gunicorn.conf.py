"""Gunicorn's settings: `gunicorn --config config/gunicorn.conf.py config.asgi:application`.

https://docs.gunicorn.org/en/stable/settings.html
"""

import os
import sys
from importlib import import_module
from typing import Any

{% if cookiecutter.server == "gunicorn" %}
# Gunicorn's own ASGI worker. A sync worker cannot serve this application.
worker_class = "asgi"
asgi_lifespan = "on"
{% else %}
# One event loop per worker process. A sync worker cannot serve this application.
worker_class = "uvicorn_worker.UvicornWorker"
{% endif %}
workers = int(os.environ.get("WEB_CONCURRENCY") or os.cpu_count() or 1)
bind = f"0.0.0.0:{os.environ.get('PORT', '8000')}"

# Seconds that requests in progress have to finish after SIGTERM.
graceful_timeout = 25

# Seconds an idle connection is kept; longer than a proxy's, so that the proxy closes first.
keepalive = 75

accesslog = "-"


# Gunicorn's classes of workers that call an application the WSGI way.
WSGI_WORKERS = {"SyncWorker", "ThreadWorker", "AsyncWorker", "TornadoWorker"}


def on_starting(server: Any) -> None:
    """Refuse what cannot work before any worker starts, in one message."""
    # Reads the environment once, so that a bad one does not end one worker after another.
    import_module(os.environ.get("DJANGO_SETTINGS_MODULE", "config.settings.local"))
    from config.env import CANNOT_START

    # The command line and GUNICORN_CMD_ARGS win over this file.
    classes = {kind.__name__ for kind in server.worker_class.__mro__}
    if server.app.app_uri.startswith("config.asgi") and classes & WSGI_WORKERS:
        server.log.error(
            "A '%s' worker cannot serve an ASGI application. Leave the worker class to "
            "config/gunicorn.conf.py, or serve config.wsgi:application.",
            server.cfg.worker_class_str,
        )
        sys.exit(CANNOT_START)
