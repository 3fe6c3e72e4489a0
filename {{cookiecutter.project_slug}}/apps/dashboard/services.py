"""Which upstreams go into what."""

from django.conf import settings

from core.upstreams import Answer, FanOut, fan_out, fetch

DASHBOARD_PARTS = ("inventory", "notifications", "analytics")


async def load_dashboard() -> FanOut[Answer]:
    """Ask the dashboard's upstreams, none of which the others have to wait or fail for."""
    stale = settings.DASHBOARD_STALE or None
    return await fan_out(
        optional={name: fetch(name, stale=stale) for name in DASHBOARD_PARTS},
        deadline=settings.FAN_OUT_DEADLINE,
    )


async def load_aggregate_status() -> dict[str, Answer | None]:
    """Ask users and billing, both needed.

    Raises:
        UpstreamError: the first of the two to fail.
    """
    result = await fan_out(
        required={"users": fetch("users"), "billing": fetch("billing")},
        deadline=settings.FAN_OUT_DEADLINE,
    )
    return result.data
