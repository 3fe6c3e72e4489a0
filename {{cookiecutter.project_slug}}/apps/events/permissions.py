"""Who may listen to what; `EVENTS_PERMISSION` in the settings names another function for it."""

from django.conf import settings
from django.http import HttpRequest


async def public_topics(request: HttpRequest, topic: str) -> bool:
    """Let everybody listen to the topics of `EVENTS_PUBLIC_TOPICS`, and nobody to others."""
    return topic in settings.EVENTS_PUBLIC_TOPICS
