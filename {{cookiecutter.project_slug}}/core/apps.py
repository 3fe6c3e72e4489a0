from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Brings the templates, static files and system checks that every app shares."""

    name = "core"

    def ready(self) -> None:
        from core import checks  # noqa: F401
