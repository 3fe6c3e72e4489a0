"""Who may listen to what; `EVENTS_PERMISSION` in the settings names another function for it."""

from fnmatch import fnmatchcase

from django.conf import settings
from django.http import HttpRequest


async def public_topics(request: HttpRequest, topic: str) -> bool:
    """Let everybody listen to the topics of `EVENTS_PUBLIC_TOPICS`, and nobody to others.

    `image.*` there is all topics that begin so.
    """
    return any(fnmatchcase(topic, public) for public in settings.EVENTS_PUBLIC_TOPICS)
