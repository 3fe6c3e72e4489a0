"""Django's ASGI application without the thread hops that a request has no use for.

Django starts a thread for every request and hands signals, `response.close()` and each hook of its
own middleware over to it, even where none of them can block. Here a request stays on the event
loop until something needs a thread: a query, a sync view, a sync middleware. What a request sees
is the same, which Django's own tests show; `LEAN_ASGI = False` in the settings turns it off.
"""

import logging

import django
from django.conf import LazySettings, settings
from django.core.handlers.asgi import ASGIHandler

from core.lean import threads

logger = logging.getLogger(__name__)

DJANGO_RELEASE = (6, 1)
"""The release that `handler` and `middleware` follow."""


def get_asgi_application() -> ASGIHandler:
    """Set Django up and return the lean application, or Django's own where it does not fit."""
    django.setup(set_prefix=False)
    if not settings.LEAN_ASGI:
        return ASGIHandler()
    if django.VERSION[:2] != DJANGO_RELEASE:
        logger.warning("Django's own ASGI handler is used: core.lean does not know this release")
        return ASGIHandler()
    if not threads.can_be_seen():
        logger.warning("Django's own ASGI handler is used: core.lean does not know this asgiref")
        return ASGIHandler()

    from core.lean.handler import LeanASGIHandler

    _make_settings_plain()
    return LeanASGIHandler()


def _make_settings_plain() -> None:
    """Let `settings.NAME` be a look-up like any other.

    Django looks at each through a function in Python, for what only other lazy objects have; it is
    ten times slower, and a request reads forty settings.
    """
    LazySettings.__getattribute__ = object.__getattribute__  # type: ignore[method-assign]
