"""What can be done with orders.

These are sync functions, each one unit of work. Async code calls one through `sync_to_async` and
so changes threads once, however many queries it takes; every `await` on the async ORM is such a
change of its own, and a transaction cannot span them.
"""

import hashlib
import json
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count

from apps.orders.forms import NewOrderForm
from apps.orders.models import Customer, Item, Order

PAGE_SIZE = 50


class InvalidOrderError(Exception):
    """An order that cannot be taken; `errors` says what is wrong, by the path of the field."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__(errors)
        self.errors = errors


class KeyReusedError(Exception):
    """An idempotency key that came with another order before."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the orders, the newest first.

    Attributes:
        orders: with their customers and items.
        next_before: the id that the next page is before; None on the last page.
    """

    orders: list[Order]
    next_before: int | None


def count_by_status() -> dict[str, int]:
    """Count the orders of each status, those of which there are none included."""
    counts = dict(Order.objects.values_list("status").annotate(Count("status")))
    return {status: counts.get(status, 0) for status in Order.Status.values}


def recent_orders(before: int | None = None) -> Page:
    """Return the newest orders, or the newest of those before an id, in two queries.

    A page is found by the id it starts at, so the last one takes no longer than the first.
    """
    orders = Order.objects.with_details().order_by("-id")
    if before is not None:
        orders = orders.filter(id__lt=before)
    found = list(orders[: PAGE_SIZE + 1])
    page = found[:PAGE_SIZE]
    return Page(page, next_before=page[-1].pk if len(found) > PAGE_SIZE else None)


def create_order(content: object, idempotency_key: str | None = None) -> tuple[Order, bool]:
    """Create an order from JSON, and say whether it is new; all of it is written or nothing.

    With a key, the same content a second time gives the order of the first time, also when both
    are on their way at once. A sender who was cut off can thus ask again.

    Raises:
        InvalidOrderError: fields are missing or wrong.
        KeyReusedError: the key came with other content before.
    """
    form = NewOrderForm(content)
    if form.errors:
        raise InvalidOrderError(form.errors)
    with transaction.atomic():
        order, created = _get_or_create(form, idempotency_key)
        if created:
            for item in form.items:
                item.order = order
            Item.objects.bulk_create(form.items)
    return Order.objects.with_details().get(pk=order.pk), created


def _get_or_create(form: NewOrderForm, idempotency_key: str | None) -> tuple[Order, bool]:
    customer, _ = Customer.objects.get_or_create(
        email=form.customer.email, defaults={"name": form.customer.name}
    )
    if idempotency_key is None:
        return Order.objects.create(customer=customer), True
    fingerprint = _fingerprint(form)
    order, created = Order.objects.get_or_create(
        idempotency_key=idempotency_key,
        defaults={"customer": customer, "fingerprint": fingerprint},
    )
    if order.fingerprint != fingerprint:
        raise KeyReusedError
    return order, created


def _fingerprint(form: NewOrderForm) -> str:
    """Hash what was ordered, however it was written."""
    items = [(item.sku, item.quantity, f"{item.unit_price:.2f}") for item in form.items]
    ordered = [form.customer.name, form.customer.email, items]
    return hashlib.sha256(json.dumps(ordered).encode()).hexdigest()
