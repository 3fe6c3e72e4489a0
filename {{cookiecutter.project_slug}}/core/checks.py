"""System checks for the mistakes that async Django makes easy; `manage.py check` runs them."""

import os
from collections.abc import Iterable, Iterator, Sequence
from inspect import isclass, iscoroutinefunction
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.deprecation import MiddlewareMixin
from django.utils.module_loading import import_string

from core.upstreams import declared_upstreams

ASYNC_READY = ("core.", "django.")
"""Middleware that is not asked: `core` has async versions of Django's own."""

EVERY_REQUEST = ("process_request", "process_view", "process_response")
"""The hooks of a middleware that every request goes through."""


@register(Tags.async_support)
def atomic_requests(**kwargs: Any) -> Iterator[CheckMessage]:
    """`ATOMIC_REQUESTS` with an async view, which Django answers with an error."""
    for alias, database in settings.DATABASES.items():
        if not database.get("ATOMIC_REQUESTS"):
            continue
        for route, view in _async_views(get_resolver().url_patterns):
            if alias not in getattr(view, "_non_atomic_requests", ()):
                yield Error(
                    f"ATOMIC_REQUESTS is on for the database '{alias}', and the view of "
                    f"'/{route}' is async: Django refuses to run it.",
                    hint="Turn it off. Use transaction.atomic in a sync function, and call that "
                    "through sync_to_async.",
                    id="core.E001",
                )
                break


def _async_views(
    patterns: Sequence[URLPattern | URLResolver], prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    for entry in patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _async_views(entry.url_patterns, route)
        elif iscoroutinefunction(entry.callback):
            yield route, entry.callback


@register(Tags.async_support)
def persistent_connections(**kwargs: Any) -> Iterator[CheckMessage]:
    """`CONN_MAX_AGE`, which keeps a connection for each thread that ever ran a query."""
    for alias, database in settings.DATABASES.items():
        if database.get("CONN_MAX_AGE", 0) != 0:
            yield Error(
                f"CONN_MAX_AGE of the database '{alias}' is not 0: under ASGI requests come on "
                "ever new threads, whose connections stay open and are never used again.",
                hint='Set it to 0; a pool (OPTIONS["pool"]) keeps connections where the database '
                "has one.",
                id="core.E002",
            )


@register(Tags.security)
def debug_in_production(**kwargs: Any) -> Iterator[CheckMessage]:
    """`DEBUG` in the settings for production, which shows the world the code and the settings."""
    module = os.environ.get("DJANGO_SETTINGS_MODULE", "")
    if settings.DEBUG and module.endswith(".production"):
        yield Error(
            f"DEBUG is on in {module}.",
            hint="Turn it on in config/settings/local.py alone.",
            id="core.E003",
        )


@register(Tags.async_support)
def upstreams_that_cannot_work(**kwargs: Any) -> Iterator[CheckMessage]:
    """An upstream without a timeout, or one whose declaration is wrong in another way."""
    for name, upstream in declared_upstreams().items():
        problems = list(upstream.problems())
        if upstream.timeout is None:
            problems.append("it has no timeout: when it hangs, every request that calls it does.")
        for problem in problems:
            yield Error(
                f"Upstream '{name}': {problem}",
                hint="It is declared in config/upstreams.py.",
                id="core.E004",
            )


@register(Tags.async_support)
def middleware_on_threads(**kwargs: Any) -> Iterator[CheckMessage]:
    """A middleware that takes requests off the event loop."""
    for path in settings.MIDDLEWARE:
        if path.startswith(ASYNC_READY):
            continue
        cost = _cost(import_string(path))
        if cost:
            yield checks.Warning(
                f"The middleware {path} {cost}",
                hint="Make it async, as core/middleware.py does: "
                "https://docs.djangoproject.com/en/6.1/topics/http/middleware/#async-middleware",
                id="core.W001",
            )


def _cost(middleware: Any) -> str:
    """Say what a middleware costs an async view; nothing if it stays on the event loop."""
    if not getattr(middleware, "async_capable", False):
        return "is sync: it holds a thread for each request for as long as its view runs."
    hooks = ", ".join(_sync_hooks(middleware)) if isclass(middleware) else ""
    return hooks and f"hands every request over to a thread and back for {hooks}."


def _sync_hooks(middleware: type) -> Iterable[str]:
    # Its own __call__ or __acall__ decides how these two are called; Django's uses a thread.
    mixed_in = getattr(middleware, "__acall__", None) is MiddlewareMixin.__acall__
    for hook in EVERY_REQUEST:
        sync = hasattr(middleware, hook) and not iscoroutinefunction(getattr(middleware, hook))
        if sync and (mixed_in or hook == "process_view"):
            yield hook
