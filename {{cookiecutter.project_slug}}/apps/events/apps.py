from django.apps import AppConfig


class EventsConfig(AppConfig):
    """Server-sent events."""

    name = "apps.events"
