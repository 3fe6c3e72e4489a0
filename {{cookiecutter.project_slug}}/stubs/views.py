from http import HTTPStatus

import httpx
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.views.decorators.http import require_POST

from stubs.app import STUBS
from stubs.switches import SWITCHES, switched


@require_POST
async def switch(request: HttpRequest, name: str) -> HttpResponse:
    """Tell one stub how to behave, and go back to the page."""
    position = request.POST.get("switch", "")
    if name not in STUBS or position not in SWITCHES:
        return HttpResponseBadRequest("There is no such stub, or no such switch.")
    _, behaviour = SWITCHES[position]
    try:
        # One client for one call is slow, and good enough for a switch in development.
        async with httpx.AsyncClient(base_url=settings.STUBS_URL) as client:
            await client.put(f"/_control/{name}", json=behaviour)
    except httpx.RequestError:
        return HttpResponse(
            f"No stubs answer at {settings.STUBS_URL}. Start them with: uv run just dev",
            content_type="text/plain",
            status=HTTPStatus.BAD_GATEWAY,
        )
    await switched.asend_robust(sender=None, name=name)
    return HttpResponseRedirect("/")
