"""What the log looks like: a line per event, for machines or for people, and no secrets.

Whoever writes uses Python's `logging` or `structlog.get_logger()`; both end in the formatters
here. Each line names the request that it was written for, whatever task or thread wrote it.
"""

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.types import EventDict, Processor

from core.upstreams import forwarded_headers

_request_id: ContextVar[str] = ContextVar("request_id", default="")


def request_id() -> str:
    """Return the id of the request that this work is for; empty if it is for none."""
    return _request_id.get()


def set_request_id(value: str, *more_headers: tuple[str, str]) -> None:
    """Work for that request from now on; upstreams are told its id, and those headers."""
    _request_id.set(value)
    forwarded_headers.set((("x-request-id", value), *more_headers))


@contextmanager
def bind_request_id(value: str) -> Iterator[None]:
    """Work for that request in this block, as a task does that the request queued."""
    outer, outer_headers = _request_id.get(), forwarded_headers.get()
    set_request_id(value)
    try:
        yield
    finally:
        _request_id.set(outer)
        forwarded_headers.set(outer_headers)


def json_formatter() -> logging.Formatter:
    """Return the formatter for machines: each event, its traceback included, is a line of JSON."""
    return _formatter(structlog.processors.format_exc_info, structlog.processors.JSONRenderer())


def console_formatter() -> logging.Formatter:
    """Return the formatter for people."""
    renderer = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    return _formatter(renderer)


class OnlyTracebacks(logging.Filter):
    """Lets through what brings a traceback; for a logger whose other lines are said elsewhere."""

    def filter(self, record: logging.LogRecord) -> bool:
        return bool(record.exc_info)


def configure_structlog() -> None:
    """Have structlog's loggers write through Python's."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.StackInfoRenderer(),
            ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _formatter(*renderers: Processor) -> logging.Formatter:
    return ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.contextvars.merge_contextvars,
            _add_request_id,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            ProcessorFormatter.remove_processors_meta,
            _censor_names,
            *renderers,
            _censor_text,
        ],
    )


def _add_request_id(logger: Any, method: str, event: EventDict) -> EventDict:
    if value := _request_id.get():
        event["request_id"] = value
    return event


CENSORED = "[censored]"
SECRET_NAME = re.compile(
    "pass(word|wd|phrase)|secret|token|authorization|cookie|session|csrf|api_?key|credential",
    re.IGNORECASE,
)
SECRETS_IN_TEXT = [
    re.compile(r"\?[^\s\"'<>\\]*=[^\s\"'<>\\]*"),  # the query of a URL
    re.compile(r"//[^\s/:@\"'\\]*:[^\s/@\"'\\]+@"),  # the password in a URL
    re.compile(r"Bearer +[\w.~+/=-]+"),
    re.compile(r"Basic +[\w+/=]+"),
]
NEVER_WRITTEN = {
    "request",  # Django's, which shows its query
    "color_message",  # Uvicorn's, the event once more
}


def _censor_names(logger: Any, method: str, event: EventDict) -> EventDict:
    """Keep the values of secrets out, by their names."""
    return {
        name: _censored(name, value) for name, value in event.items() if name not in NEVER_WRITTEN
    }


def _censored(name: object, value: Any) -> Any:
    if _is_secret(str(name)):
        return CENSORED
    if isinstance(value, dict):
        return {inner: _censored(inner, content) for inner, content in value.items()}
    return value


@lru_cache(maxsize=1000)
def _is_secret(name: str) -> bool:
    return SECRET_NAME.search(name) is not None


def _censor_text(logger: Any, method: str, line: Any) -> Any:
    """Keep secrets out that stand in messages and tracebacks, by what they look like."""
    for pattern in SECRETS_IN_TEXT:
        line = pattern.sub(CENSORED, line)
    return line
