from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Brings the templates and static files that every app shares."""

    name = "core"
