"""The ASGI entrypoint: `uvicorn config.asgi:application`."""

import os

from django.conf import settings
from django.urls import get_resolver
from django.utils.module_loading import import_string

from config.env import errors_end_the_start
from core.asgi import Lifespan
from core.body_limit import BodyLimit
from core.drain import close_connections
from core.lean import get_asgi_application
from core.request_log import RequestLog

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
with errors_end_the_start():
    application = Lifespan(
        RequestLog(
            BodyLimit(
                close_connections(get_asgi_application()),
                limit=settings.MAX_BODY_SIZE,
                limits=settings.MAX_BODY_SIZES,
            )
        ),
        shared=[import_string(path) for path in settings.LIFESPAN],
    )
    # The routes too, so that a mistake in a view is none of the first request's.
    get_resolver().url_patterns  # noqa: B018
