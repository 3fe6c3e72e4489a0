import atexit

from django.apps import AppConfig
from django.core.checks import Tags, register


class PostgreSQLConfig(AppConfig):
    """Adds the check that the pools fit the server, and closes them with the process."""

    name = "core.postgresql"

    def ready(self) -> None:
        from core.postgresql.pools import check_pools, close_all

        register(check_pools, Tags.database)
        # An open pool holds up the end of a management command by 5 s for each of its threads.
        atexit.register(close_all)
