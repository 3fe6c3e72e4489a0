from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """The dashboard."""

    name = "apps.dashboard"
