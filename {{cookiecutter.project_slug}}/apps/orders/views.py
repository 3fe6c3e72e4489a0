import json
from http import HTTPStatus
from typing import Any

from asgiref.sync import sync_to_async
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from apps.orders import services
from apps.orders.forms import IdempotencyKeyForm, PageForm
from apps.orders.models import Order
from core.errors import problem


class OrderStatsView(View):
    """How many orders there are of each status."""

    async def get(self, request: HttpRequest) -> JsonResponse:
        return JsonResponse(await sync_to_async(services.count_by_status)())


@require_safe
async def recent_orders(request: HttpRequest) -> JsonResponse:
    """The newest orders, a page at a time; `next` is the path of the next page, or null."""
    form = PageForm(request.GET)
    if not form.is_valid():
        return problem(HTTPStatus.BAD_REQUEST, errors=form.errors)
    page = await sync_to_async(services.recent_orders)(form.cleaned_data["before"])
    next_page = None
    if page.next_before is not None:
        next_page = reverse("orders:recent", query={"before": page.next_before})
    # On the event loop, where a query raises: what was not loaded with the page shows at once.
    return JsonResponse({"orders": [_as_json(order) for order in page.orders], "next": next_page})


# Needs no token against forgery: no cookie gives a right here, and the page of another site cannot
# send this content type without a preflight request, which nothing answers.
@csrf_exempt
@require_POST
async def create_order(request: HttpRequest) -> JsonResponse:
    """Create an order: 201, or 200 with the order that its `Idempotency-Key` created before.

    400 names every field that is wrong; 409 says that the key came with another order before.
    """
    if request.content_type != "application/json":
        return problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, errors={"body": ["Send JSON, as application/json."]}
        )
    key = IdempotencyKeyForm({"idempotency_key": request.headers.get("Idempotency-Key")})
    if not key.is_valid():
        return problem(HTTPStatus.BAD_REQUEST, errors=key.errors)
    try:
        # Numbers as they were written: a float is not the price that was sent.
        content = json.loads(request.body, parse_float=str)
    except RequestDataTooBig:
        return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, errors={"body": ["Too large."]})
    except (ValueError, RecursionError):
        return problem(HTTPStatus.BAD_REQUEST, errors={"body": ["Not JSON."]})
    try:
        order, created = await sync_to_async(services.create_order)(
            content, key.cleaned_data["idempotency_key"]
        )
    except services.InvalidOrderError as error:
        return problem(HTTPStatus.BAD_REQUEST, errors=error.errors)
    except services.KeyReusedError:
        return problem(
            HTTPStatus.CONFLICT,
            errors={"idempotency_key": ["This key came with another order before."]},
        )
    return JsonResponse(_as_json(order), status=HTTPStatus.CREATED if created else HTTPStatus.OK)


def _as_json(order: Order) -> dict[str, Any]:
    return {
        "id": order.pk,
        "status": order.status,
        "created_at": order.created_at,
        "customer": {"name": order.customer.name, "email": order.customer.email},
        "items": [
            {"sku": item.sku, "quantity": item.quantity, "unit_price": item.unit_price}
            for item in order.items.all()
        ],
        "total": order.total,
    }
