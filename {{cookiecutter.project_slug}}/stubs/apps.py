from typing import Any

from django.apps import AppConfig

from stubs.switches import switched


class StubsConfig(AppConfig):
    """The switches; whoever has the dashboard open sees at once what they did."""

    name = "stubs"

    def ready(self) -> None:
        switched.connect(publish_switch)


async def publish_switch(name: str, **kwargs: Any) -> None:
    """Tell the dashboards that an upstream changed."""
    from apps.events.services import publish

    await publish("dashboard", "changed", {"upstream": name})
