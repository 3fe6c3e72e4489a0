"""What pages need to be live."""

from django.conf import settings
from django.http import HttpRequest


def live(request: HttpRequest) -> dict[str, dict[str, str]]:
    """The template that makes a page live, by the topics that everybody may listen to."""
    return {"live": dict.fromkeys(settings.EVENTS_PUBLIC_TOPICS, "events/live.html")}
