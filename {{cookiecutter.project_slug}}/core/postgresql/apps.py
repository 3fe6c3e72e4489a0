from django.apps import AppConfig
from django.core.checks import Tags, register


class PostgreSQLConfig(AppConfig):
    """Adds the check that the pools fit the server."""

    name = "core.postgresql"

    def ready(self) -> None:
        from core.postgresql.pools import check_pools

        register(check_pools, Tags.database)
