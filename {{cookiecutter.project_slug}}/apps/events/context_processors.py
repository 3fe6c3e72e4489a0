"""What pages need to be live."""

from django.conf import settings
from django.http import HttpRequest


def live(request: HttpRequest) -> dict[str, dict[str, str]]:
    """The template that makes a page live, by the topics that everybody may listen to.

    Of `image.*` it is the word before the dot.
    """
    topics = [topic.removesuffix(".*") for topic in settings.EVENTS_PUBLIC_TOPICS]
    return {"live": dict.fromkeys(topics, "events/live.html")}
