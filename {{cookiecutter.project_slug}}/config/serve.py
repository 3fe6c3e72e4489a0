"""Run the service with Uvicorn: `python -m config.serve`.

https://www.uvicorn.org/settings/
"""

import os
import signal
import sys
from importlib import import_module

import uvicorn


def main() -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests in progress."""
    # Uvicorn raises the signal that stopped it once more after a clean shutdown, so that the
    # process seems killed by it; it did what it was asked to, so it ends with 0.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    # Once before any worker: a bad environment ends in one message, not in endless restarts.
    import_module(os.environ.get("DJANGO_SETTINGS_MODULE", "config.settings.local"))
    uvicorn.run(
        "config.asgi:application",
        host="0.0.0.0",  # noqa: S104
        port=int(os.environ.get("PORT", "8000")),
        workers=int(os.environ.get("WEB_CONCURRENCY") or os.cpu_count() or 1),
        lifespan="on",
        # Seconds that requests in progress have to finish after SIGTERM.
        timeout_graceful_shutdown=25,
        # Seconds an idle connection is kept; longer than a proxy's, so that the proxy closes first.
        timeout_keep_alive=75,
        server_header=False,
    )


if __name__ == "__main__":
    main()
