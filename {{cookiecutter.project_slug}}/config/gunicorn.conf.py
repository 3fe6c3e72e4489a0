"""Gunicorn's settings: `gunicorn --config config/gunicorn.conf.py config.asgi:application`.

https://docs.gunicorn.org/en/stable/settings.html
"""

import os
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


def on_starting(server: Any) -> None:
    """Read the settings once before any worker: a bad environment ends in one message."""
    import_module(os.environ.get("DJANGO_SETTINGS_MODULE", "config.settings.local"))
