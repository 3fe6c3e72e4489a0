"""Run the service with Uvicorn: `python -m config.serve`.

https://www.uvicorn.org/settings/
"""

import os
import signal
import sys
from contextlib import suppress
from importlib import import_module

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from config.env import CANNOT_START, errors_end_the_start
from config.uvicorn_protocol import Protocol


def main() -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests in progress."""
    # Uvicorn raises the signal that stopped it once more after a clean shutdown, so that the
    # process seems killed by it; it did what it was asked to, so it ends with 0.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    # Once before any worker: a bad environment ends in one message, not in endless restarts.
    with errors_end_the_start():
        settings = import_module(os.environ.get("DJANGO_SETTINGS_MODULE", "config.settings.local"))
    config = uvicorn.Config(
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
    with suppress(KeyboardInterrupt):
        if not _run(config):
            sys.exit(CANNOT_START)


def _run(config: uvicorn.Config) -> bool:
    """Run the server until it is stopped, and say whether it had started.

    `uvicorn.run` ends with 0 when its workers could not.
    """
    if config.workers == 1:
        server = uvicorn.Server(config)
        server.run()
        return server.started
    workers = Multiprocess(config, [config.bind_socket()])
    workers.run()
    return all(worker.exitcode != STARTUP_FAILURE for worker in workers.processes)


if __name__ == "__main__":
    main()
