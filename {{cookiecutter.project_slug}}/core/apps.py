from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Brings the templates and static files that every app shares, and the system checks."""

    name = "core"

    def ready(self) -> None:
        from core import checks  # noqa: F401
