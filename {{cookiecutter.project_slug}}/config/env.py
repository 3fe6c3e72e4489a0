"""The environment: where every setting that differs between places comes from."""

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from environs import Env, EnvValidationError

from core.logging import json_formatter
from core.upstreams import Upstream

BASE_DIR = Path(__file__).resolve().parent.parent

# What servers end with when the application cannot start; their managers do not try again.
CANNOT_START = 3

# Not eager: a missing or malformed variable is noted and reads as None, so that
# `refuse_bad_configuration` can name all of them at once.
env = Env(eager=False)


def read_env_files() -> None:
    """Read `.env`, then `.env.example` for what it leaves out; real variables win over both.

    For development and tests only, so that a fresh clone runs as it is.
    """
    for name in (".env", ".env.example"):
        env.read_env(BASE_DIR / name, recurse=False)


def refuse_bad_configuration(upstreams: Mapping[str, Upstream]) -> None:
    """End every settings module with this.

    Ends the process with one message, no traceback, that names each variable that is missing or
    malformed, and each upstream that cannot work as declared.
    """
    messages: dict[str, list[str]] = {}
    try:
        env.seal()
    except EnvValidationError as error:
        messages = cast("dict[str, list[str]]", error.error_messages)
    problems = [f"{name}: {' '.join(dict.fromkeys(messages[name]))}" for name in sorted(messages)]
    problems += [
        f"Upstream '{name}': {problem}"
        for name, upstream in upstreams.items()
        for problem in upstream.problems()
    ]
    if problems:
        _print(problems)
        sys.exit(CANNOT_START)


def _print(problems: list[str]) -> None:
    """Say what is wrong: to people, or, as the log would, to machines."""
    if os.environ.get("LOG_FORMAT") != "console" and not sys.stderr.isatty():
        line = {"name": __name__, "levelname": "CRITICAL", "problems": problems}
        record = logging.makeLogRecord(line | {"msg": "This configuration cannot work"})
        print(json_formatter().format(record), file=sys.stderr)
        return
    print("\nThis configuration cannot work:\n", file=sys.stderr)
    for problem in problems:
        print(f"  {problem}", file=sys.stderr)
    print("\nSee .env.example and config/upstreams.py.", file=sys.stderr)
