import logging

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Brings the templates and static files that every app shares, and the system checks; sets the log up."""

    name = "core"

    def ready(self) -> None:
        from core import checks  # noqa: F401
        from core.logging import configure_structlog

        configure_structlog()
        logging.captureWarnings(True)
