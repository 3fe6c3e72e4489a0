from django.apps import AppConfig
from django.conf import settings
from django.utils.module_loading import import_string


class TasksConfig(AppConfig):
    """Makes the Celery application that the settings name the one of this process."""

    name = "core.tasks"

    def ready(self) -> None:
        from core.tasks import checks, signals  # noqa: F401

        import_string(settings.TASKS_APP).set_default()
