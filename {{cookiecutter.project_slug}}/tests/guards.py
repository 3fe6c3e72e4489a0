"""What makes a test fail that would pass while the service gets slow; `conftest.py` turns it on."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from inspect import iscoroutinefunction
from typing import Any
from unittest import mock

from blockbuster import blockbuster_ctx
from django.db.backends.utils import CursorWrapper
from django.http import HttpRequest
from django.utils.decorators import sync_and_async_middleware

MAY_BLOCK = [
    # Once in a process; a server does it before it takes a request.
    ("django/core/handlers/base.py", "load_middleware"),
    ("<frozen importlib._bootstrap>", "_find_and_load"),
    # The engine, each template and each language once in a process; then they are kept.
    ("django/template/utils.py", "__getitem__"),
    ("django/template/loaders/cached.py", "get_template"),
    ("django/utils/translation/trans_real.py", "translation"),
    # What a test itself looks at, between requests.
    ("tests/test_upstreams.py", "open_files"),
]
"""Where the event loop may be blocked: the end of a file's path, and a function in it."""

MOST_REPEATS = 2
"""How often one request may make the same query, values aside."""


@contextmanager
def no_blocking_call() -> Iterator[None]:
    """Raise `blockbuster.BlockingError` where the event loop would wait for I/O, a lock or a sleep."""
    with blockbuster_ctx() as blockbuster:
        for blocking in blockbuster.functions.values():
            for file, function in MAY_BLOCK:
                blocking.can_block_in(file, function)
        yield


class QueryPerRowError(AssertionError):
    """A request made the same query again and again, as a loop over rows does."""

    def __init__(self, sql: str) -> None:
        super().__init__(
            f"The same query, {MOST_REPEATS + 1} times in one request: {sql}\n"
            "Load what the rows need with them: select_related, prefetch_related, annotate, "
            "or one query for all."
        )


_queries: ContextVar[Counter[str] | None] = ContextVar("queries", default=None)


@contextmanager
def no_query_per_row() -> Iterator[None]:
    """Raise `QueryPerRowError` where a request that `count_queries` sees repeats itself."""
    execute = CursorWrapper.execute

    def counted(cursor: CursorWrapper, sql: Any, params: Any = None) -> Any:
        queries = _queries.get()
        if queries is not None and str(sql).startswith(("SELECT", "INSERT", "UPDATE", "DELETE")):
            queries[str(sql)] += 1
            if queries[str(sql)] > MOST_REPEATS:
                raise QueryPerRowError(str(sql))
        return execute(cursor, sql, params)

    with mock.patch.object(CursorWrapper, "execute", counted):
        yield


@sync_and_async_middleware
def count_queries(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Middleware: start each request at no queries; threads that it uses count with it."""
    if iscoroutinefunction(get_response):

        async def async_middleware(request: HttpRequest) -> Any:
            token = _queries.set(Counter())
            try:
                return await get_response(request)
            finally:
                _queries.reset(token)

        return async_middleware

    def middleware(request: HttpRequest) -> Any:
        token = _queries.set(Counter())
        try:
            return get_response(request)
        finally:
            _queries.reset(token)

    return middleware
