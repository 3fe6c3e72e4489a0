from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from apps.accounts import services


@require_safe
async def active_count(request: HttpRequest) -> JsonResponse:
    """How many users may log in."""
    return JsonResponse({"active_users": await services.count_active_users()})
