from django.apps import AppConfig


class EventsConfig(AppConfig):
    """Server-sent events."""

    name = "apps.events"

    def ready(self) -> None:
        from apps.events import checks  # noqa: F401
        from apps.events.engines import current_engine

        # Imported before there is an event loop for that to hold up.
        current_engine()
