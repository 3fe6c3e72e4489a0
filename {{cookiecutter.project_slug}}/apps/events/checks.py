"""What `manage.py check` says of events."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register  # noqa: A004


@register()
def events_that_stay_in_one_process(**kwargs: Any) -> Iterator[CheckMessage]:
    """`memory://` with several workers: who listens to one does not hear of the others' events."""
    if settings.EVENTS_URL.startswith("memory:") and settings.WORKERS > 1 and not settings.DEBUG:
        yield Warning(
            f"EVENTS_URL is memory://, and there are {settings.WORKERS} workers: an event reaches "
            "those alone who listen to the worker that published it.",
            hint="Set EVENTS_URL to database:// or redis://…, or WEB_CONCURRENCY to 1.",
            id="events.W001",
        )
