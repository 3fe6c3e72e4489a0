from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction

from apps.orders.models import Customer, Item, Order

BATCH = 5_000
"""Orders written at once."""
FIRST_CREATED = datetime(2025, 1, 1, tzinfo=UTC)
PRODUCTS = {
    "BOOK-ASYNC": Decimal("39.00"),
    "CHAIR-OAK": Decimal("189.50"),
    "LAMP-DESK": Decimal("54.90"),
    "MUG-350ML": Decimal("11.25"),
    "TEA-GREEN-100G": Decimal("7.80"),
}


class Command(BaseCommand):
    """Sees to it that there are so many demo orders: the same ones, wherever and whenever it runs.

    What is there already stays as it is, so a run that was broken off is finished by the next.
    """

    help = "Sees to it that the database holds demo orders, with customers and items."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--orders", type=int, default=1_000, help="how many (1000)")

    def handle(self, *args: Any, orders: int, **options: Any) -> None:
        if orders < 0:
            raise CommandError("--orders must be 0 or more.")
        added = 0
        for start in range(0, orders, BATCH):
            stop = min(start + BATCH, orders)
            added += seed(range(start, stop))
            # Line by line, so that it can be followed in a log too.
            self.stdout.write(f"{stop:,} of {orders:,} orders")
            self.stdout.flush()
        update_statistics()
        self.stdout.write(
            self.style.SUCCESS(f"{orders:,} demo orders are there, {added:,} of them new.")
        )


@transaction.atomic
def seed(numbers: range) -> int:
    """Create the demo orders with these numbers that are not there; return how many those are."""
    keys = {number: f"demo-{number}" for number in numbers}
    there = Order.objects.filter(idempotency_key__in=keys.values())
    taken = set(there.values_list("idempotency_key", flat=True))
    customers: dict[int, Customer] = {}
    orders: list[Order] = []
    items: list[Item] = []
    for number, key in keys.items():
        if key in taken:
            continue
        # One of its own for each order, so that it is the same whatever is created beside it.
        random = Random(number)  # noqa: S311
        customer_number = random.randint(0, number // 10)
        customer = customers.setdefault(
            customer_number,
            Customer(
                name=f"Customer {customer_number}",
                email=f"customer-{customer_number}@example.com",
            ),
        )
        order = Order(
            customer=customer,
            status=random.choices(Order.Status.values, weights=[1, 4])[0],
            created_at=FIRST_CREATED + timedelta(minutes=number),
            idempotency_key=key,
        )
        orders.append(order)
        items += [
            Item(order=order, sku=sku, quantity=random.randint(1, 5), unit_price=PRODUCTS[sku])
            for sku in random.sample(list(PRODUCTS), random.randint(1, 4))
        ]
    # Not `ignore_conflicts`: only this way are the ids of those known that were there before.
    Customer.objects.bulk_create(
        customers.values(), update_conflicts=True, unique_fields=["email"], update_fields=["name"]
    )
    Order.objects.bulk_create(orders)
    Item.objects.bulk_create(items)
    return len(orders)


def update_statistics() -> None:
    """Tell the database how large the tables are now, or its plans are made for empty ones."""
    with connection.cursor() as cursor:
        for model in (Customer, Order, Item):
            cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")
