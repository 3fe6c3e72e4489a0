"""The environment: where every setting that differs between places comes from."""

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, cast

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


@contextmanager
def errors_end_the_start() -> Iterator[None]:
    """End the process with one line of the log if what is loaded in this block fails.

    Where people read the log they get the traceback, as ever.
    """
    try:
        yield
    except Exception:
        if not _for_machines():
            raise
        _log("The service cannot start", exc_info=sys.exc_info())
        sys.exit(CANNOT_START)


def _uncaught(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    """Tell what ended a process, such as a worker for tasks, in one line of the log, too."""
    if issubclass(kind, Exception) and _for_machines():
        _log("The process ended", exc_info=(kind, error, traceback))
    else:
        sys.__excepthook__(kind, error, traceback)


sys.excepthook = _uncaught


def _for_machines() -> bool:
    return os.environ.get("LOG_FORMAT") != "console" and not sys.stderr.isatty()


def _log(event: str, **details: Any) -> None:
    """Write a line as the log would, which is not there yet."""
    record = {"name": __name__, "levelname": "CRITICAL", "msg": event, **details}
    print(json_formatter().format(logging.makeLogRecord(record)), file=sys.stderr)


def _print(problems: list[str]) -> None:
    """Say what is wrong: to people, or, as the log would, to machines."""
    if _for_machines():
        _log("This configuration cannot work", problems=problems)
        return
    print("\nThis configuration cannot work:\n", file=sys.stderr)
    for problem in problems:
        print(f"  {problem}", file=sys.stderr)
    print("\nSee .env.example and config/upstreams.py.", file=sys.stderr)
