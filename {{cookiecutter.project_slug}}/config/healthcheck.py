"""Ask the service in this container whether it lives: `python -m config.healthcheck`."""

import os
import sys
from contextlib import closing
from http.client import HTTPConnection, HTTPException

TIMEOUT = 3
"""Seconds."""


def main() -> int:
    """Return 0 if it answers, else 1."""
    port = int(os.environ.get("PORT", "8000"))
    with closing(HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)) as connection:
        try:
            connection.request("GET", "/livez")
            return int(connection.getresponse().status != 200)
        except (OSError, HTTPException):
            return 1


if __name__ == "__main__":
    sys.exit(main())
