"""Run the service with Uvicorn: `python -m config.serve`.

https://www.uvicorn.org/settings/
"""

import os
import signal
import sys
from importlib import import_module

import uvicorn

from config.uvicorn_protocol import Protocol


def main() -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests in progress."""
    # Uvicorn raises the signal that stopped it once more after a clean shutdown, so that the
    # process seems killed by it; it did what it was asked to, so it ends with 0.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    # Once before any worker: a bad environment ends in one message, not in endless restarts.
    settings = import_module(os.environ.get("DJANGO_SETTINGS_MODULE", "config.settings.local"))
    uvicorn.run(
        "config.asgi:application",
        host="0.0.0.0",  # noqa: S104
        port=settings.PORT,
        workers=settings.WORKERS,
        http=Protocol,
        lifespan="on",
        ws="none",
        timeout_graceful_shutdown=settings.SHUTDOWN_TIMEOUT,
        timeout_keep_alive=settings.KEEP_ALIVE,
        server_header=False,
        log_config=settings.LOGGING,
        # The application writes a line per request itself.
        access_log=False,
    )


if __name__ == "__main__":
    main()
