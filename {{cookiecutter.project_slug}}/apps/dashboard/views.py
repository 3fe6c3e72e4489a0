from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.dashboard import services
from core.errors import problem


@require_safe
async def page(request: HttpRequest) -> HttpResponse:
    """The dashboard for people: a tile per upstream."""
    result = await services.load_dashboard()
    tiles = [
        {
            "name": name,
            "facts": [(key.replace("_", " "), value) for key, value in (answer or {}).items()],
            "failure": result.failures.get(name),
            "stale": answer if answer is not None and answer.failure else None,
        }
        for name, answer in result.data.items()
    ]
    context = {
        "tiles": tiles,
        "elapsed_ms": result.elapsed * 1000,
        # The template's own `user` would be asked for on the event loop.
        "user": await request.auser(),
    }
    return render(request, "dashboard/page.html", context)


@require_safe
async def dashboard(request: HttpRequest) -> JsonResponse:
    """The dashboard for programs: 200 while any part is there, 502 when none is."""
    result = await services.load_dashboard()
    content: dict[str, Any] = {
        "data": result.data,
        "errors": {name: failure.as_json() for name, failure in result.failures.items()},
        "stale": {
            name: {"age_seconds": round(answer.age, 1), **answer.failure.as_json()}
            for name, answer in result.data.items()
            if answer is not None and answer.failure
        },
        "elapsed_ms": round(result.elapsed * 1000, 1),
    }
    if len(result.failures) == len(result.data):
        return problem(HTTPStatus.BAD_GATEWAY, "No upstream answered.", **content)
    return JsonResponse(content)


@require_safe
async def aggregate_status(request: HttpRequest) -> JsonResponse:
    """Users and billing in one answer; if one fails, `core.errors` answers 502 and names it."""
    return JsonResponse(await services.load_aggregate_status())
