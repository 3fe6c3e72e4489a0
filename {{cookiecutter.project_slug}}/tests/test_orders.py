"""Orders: the ORM from async code, in as few queries as it takes."""

import asyncio
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.exceptions import FieldFetchBlocked
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext

from apps.orders.models import Customer, Item, Order
from apps.orders.services import count_by_status, create_order, recent_orders

LAMP = {"sku": "LAMP", "quantity": 2, "unit_price": "19.90"}
CONTENT = {"customer": {"name": "Ada", "email": "ada@example.com"}, "items": [LAMP]}


def seed(orders: int) -> str:
    """Create demo orders; return what the command said."""
    output = StringIO()
    call_command("seed_demo", orders=orders, stdout=output)
    return output.getvalue()


def queries_of(action: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as queries:
        action()
    return len(queries)


# Reading


@pytest.mark.django_db(transaction=True)
async def test_the_stats_count_the_orders_of_each_status(async_client: AsyncClient) -> None:
    await sync_to_async(create_order)(CONTENT)
    order, _ = await sync_to_async(create_order)(CONTENT)
    await Order.objects.filter(pk=order.pk).aupdate(status=Order.Status.COMPLETED)
    await sync_to_async(create_order)(CONTENT)

    response = await async_client.get("/api/orders/stats/")

    assert response.json() == {"pending": 2, "completed": 1}


@pytest.mark.django_db(transaction=True)
async def test_a_status_that_no_order_has_counts_zero(async_client: AsyncClient) -> None:
    response = await async_client.get("/api/orders/stats/")

    assert response.json() == {"pending": 0, "completed": 0}


@pytest.mark.django_db(transaction=True)
async def test_the_recent_orders_come_with_customer_and_items(async_client: AsyncClient) -> None:
    order, _ = await sync_to_async(create_order)(CONTENT)

    response = await async_client.get("/api/orders/recent/")

    assert response.status_code == 200
    answer = response.json()
    assert answer["next"] is None
    assert len(answer["orders"]) == 1
    assert answer["orders"][0].pop("created_at").endswith("Z")
    assert answer["orders"][0] == {
        "id": order.pk,
        "status": "pending",
        "customer": {"name": "Ada", "email": "ada@example.com"},
        "items": [{"sku": "LAMP", "quantity": 2, "unit_price": "19.90"}],
        "total": "39.80",
    }


@pytest.mark.django_db(transaction=True)
async def test_the_pages_hold_every_order_once_the_newest_first(async_client: AsyncClient) -> None:
    await sync_to_async(seed)(120)

    pages = []
    path = "/api/orders/recent/"
    while path:
        answer = (await async_client.get(path)).json()
        pages.append([order["id"] for order in answer["orders"]])
        path = answer["next"]

    assert [len(page) for page in pages] == [50, 50, 20]
    everything = [number for page in pages for number in page]
    assert everything == sorted(everything, reverse=True)
    assert len(set(everything)) == 120


@pytest.mark.parametrize("before", ["0", "-1", "x", "1.5", "9" * 5000])
async def test_a_page_that_cannot_be_is_refused_by_its_parameter(
    async_client: AsyncClient, before: str
) -> None:
    response = await async_client.get("/api/orders/recent/", {"before": before})

    assert response.status_code == 400
    assert list(response.json()["errors"]) == ["before"]


@pytest.mark.django_db(transaction=True)
async def test_an_id_beyond_every_other_starts_at_the_newest(async_client: AsyncClient) -> None:
    await sync_to_async(create_order)(CONTENT)

    response = await async_client.get("/api/orders/recent/", {"before": str(10**30)})

    assert len(response.json()["orders"]) == 1


@pytest.mark.django_db
def test_fifty_orders_take_as_many_queries_as_one() -> None:
    seed(1)
    of_one = queries_of(recent_orders)
    seed(50)
    of_fifty = queries_of(recent_orders)

    assert of_one == of_fifty == 2
    assert queries_of(count_by_status) == 1


@pytest.mark.django_db
def test_a_relation_that_was_not_loaded_is_an_error_not_a_query_per_row() -> None:
    seed(2)
    item = recent_orders().orders[0].items.all()[0]
    assert item.order.customer.name

    order = Order.objects.with_details().only("status").select_related(None).first()

    assert order
    with pytest.raises(FieldFetchBlocked, match="customer"):
        assert order.customer


@pytest.mark.django_db
def test_a_relation_of_any_orders_is_fetched_for_all_of_them_at_once() -> None:
    seed(20)

    assert queries_of(lambda: [order.customer.name for order in Order.objects.all()]) == 2


# Creating


async def post(client: AsyncClient, content: Any = CONTENT, **headers: str) -> Any:
    return await client.post(
        "/api/orders/", content, content_type="application/json", headers=headers or None
    )


@pytest.mark.django_db(transaction=True)
async def test_an_order_is_created_with_its_items(async_client: AsyncClient) -> None:
    mug = {"sku": "MUG", "quantity": 1, "unit_price": 0.1}
    response = await post(async_client, CONTENT | {"items": [LAMP, mug]})

    assert response.status_code == 201
    answer = response.json()
    assert answer["status"] == "pending"
    assert [item["unit_price"] for item in answer["items"]] == ["19.90", "0.10"]
    assert answer["total"] == "39.90"
    recent = (await async_client.get("/api/orders/recent/")).json()
    assert recent["orders"] == [answer]


@pytest.mark.django_db(transaction=True)
async def test_a_customer_is_known_by_the_address(async_client: AsyncClient) -> None:
    await post(async_client)
    await post(async_client, CONTENT | {"customer": {"name": "A.", "email": "Ada@Example.com"}})

    customer = await Customer.objects.aget()
    assert customer.name == "Ada"
    assert await customer.orders.acount() == 2


@pytest.mark.django_db(transaction=True)
async def test_every_field_that_is_wrong_is_named_and_nothing_is_written(
    async_client: AsyncClient,
) -> None:
    response = await post(
        async_client,
        {
            "customer": {"name": " ", "email": "ada"},
            "items": [LAMP, {"sku": ["LAMP"], "quantity": 0, "unit_price": "0.001"}, {}, 7],
        },
    )

    assert response.status_code == 400
    required = ["This field is required."]
    assert response.json()["errors"] == {
        "customer.name": required,
        "customer.email": ["Enter a valid email address."],
        "items.1.sku": ["Enter text."],
        "items.1.quantity": ["Ensure this value is greater than or equal to 1."],
        "items.1.unit_price": ["Ensure that there are no more than 2 decimal places."],
        **{
            f"items.{number}.{field}": required
            for number in (2, 3)
            for field in ("sku", "quantity", "unit_price")
        },
    }
    assert not await Customer.objects.aexists()
    assert not await Order.objects.aexists()


@pytest.mark.parametrize(
    ("items", "wrong"),
    [
        pytest.param([], "items", id="none"),
        pytest.param({"sku": "LAMP"}, "items", id="not a list"),
        pytest.param([LAMP] * 101, "items", id="101"),
        pytest.param([LAMP | {"quantity": True}], "items.0.quantity", id="a quantity of true"),
        pytest.param([LAMP | {"quantity": 10**30}], "items.0.quantity", id="a huge quantity"),
        pytest.param([LAMP | {"unit_price": float("nan")}], "items.0.unit_price", id="no number"),
        pytest.param([LAMP | {"unit_price": -1}], "items.0.unit_price", id="a negative price"),
        pytest.param([LAMP | {"sku": "\ud83d"}], "items.0.sku", id="half a character"),
        pytest.param([LAMP | {"sku": "a\0"}], "items.0.sku", id="a null character"),
    ],
)
async def test_items_that_cannot_be_are_refused(
    async_client: AsyncClient, items: object, wrong: str
) -> None:
    response = await post(async_client, CONTENT | {"items": items})

    assert response.status_code == 400
    assert list(response.json()["errors"]) == [wrong]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        pytest.param(b"{", "application/json", 400, id="not JSON"),
        pytest.param(b"\xff", "application/json", 400, id="not UTF-8"),
        pytest.param(b"[" * 100_000, "application/json", 400, id="nested too deeply"),
        pytest.param(b"[]", "application/json", 400, id="not an object"),
        pytest.param(b" " * 3_000_000, "application/json", 413, id="3 MB"),
        pytest.param(b"{}", "text/plain", 415, id="as a page of another site could send it"),
    ],
)
async def test_a_body_that_is_no_order_is_refused_in_json(
    async_client: AsyncClient, body: bytes, content_type: str, status: int
) -> None:
    response = await async_client.post("/api/orders/", body, content_type=content_type)

    assert response.status_code == status
    assert response.json()["errors"]


async def test_another_service_needs_no_csrf_token() -> None:
    response = await post(AsyncClient(enforce_csrf_checks=True), {})

    assert response.status_code == 400


@pytest.mark.django_db(transaction=True)
async def test_a_failure_half_way_leaves_nothing_written(
    monkeypatch: pytest.MonkeyPatch, async_client: AsyncClient
) -> None:
    def fail(items: list[Item]) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(Item.objects, "bulk_create", fail)

    with pytest.raises(DatabaseError, match="disk full"):
        await post(async_client)

    assert not await Customer.objects.aexists()
    assert not await Order.objects.aexists()


# Asking again


@pytest.mark.django_db(transaction=True)
async def test_the_same_request_again_gives_the_same_order(async_client: AsyncClient) -> None:
    first = await post(async_client, **{"Idempotency-Key": "k1"})
    again = await post(async_client, **{"Idempotency-Key": "k1"})
    other = await post(async_client, **{"Idempotency-Key": "k2"})

    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 201)
    assert again.json() == first.json()
    assert other.json()["id"] != first.json()["id"]
    assert await Order.objects.acount() == 2
    assert await Item.objects.acount() == 2


@pytest.mark.django_db(transaction=True)
async def test_a_key_that_came_with_another_order_is_a_conflict(async_client: AsyncClient) -> None:
    await post(async_client, **{"Idempotency-Key": "k1"})
    response = await post(
        async_client,
        {"customer": {"name": "Bob", "email": "bob@example.com"}, "items": [LAMP]},
        **{"Idempotency-Key": "k1"},
    )

    assert response.status_code == 409
    assert list(response.json()["errors"]) == ["idempotency_key"]
    assert await Customer.objects.acount() == 1


async def test_a_key_that_is_too_long_is_refused(async_client: AsyncClient) -> None:
    response = await post(async_client, **{"Idempotency-Key": "k" * 256})

    assert response.status_code == 400
    assert list(response.json()["errors"]) == ["idempotency_key"]


@pytest.mark.django_db(transaction=True)
async def test_requests_with_one_key_at_the_same_time_create_one_order(
    async_client: AsyncClient,
) -> None:
    async def post_on_a_thread_of_its_own() -> Any:
        async with ThreadSensitiveContext():
            response = await post(async_client, **{"Idempotency-Key": "k1"})
            await sync_to_async(connections.close_all)()
            return response

    responses = await asyncio.gather(*[post_on_a_thread_of_its_own() for _ in range(4)])

    assert sorted(response.status_code for response in responses) == [200, 200, 200, 201]
    assert len({response.json()["id"] for response in responses}) == 1
    assert await Order.objects.acount() == 1
    assert await Item.objects.acount() == 1


# The admin


@pytest.mark.parametrize(
    "path", ["order", "customer", "order/?q=customer", "order/?status=pending"]
)
@pytest.mark.django_db
def test_a_list_of_the_admin_takes_as_many_queries_for_many_rows(
    admin_client: Client, path: str
) -> None:
    def visit() -> None:
        assert admin_client.get(f"/admin/orders/{path}", follow=True).status_code == 200

    seed(5)
    of_few = queries_of(visit)
    seed(80)

    assert queries_of(visit) == of_few


@pytest.mark.django_db
def test_the_page_of_an_order_lists_its_items_but_not_all_customers(admin_client: Client) -> None:
    order, _ = create_order(CONTENT)
    seed(30)

    page = admin_client.get(f"/admin/orders/order/{order.pk}/change/").content.decode()

    assert "LAMP" in page
    assert "customer-1@example.com" not in page


# Demo data


@pytest.mark.django_db
def test_demo_orders_are_the_same_every_time_and_made_once() -> None:
    first = seed(20)
    before = list(Item.objects.values_list("order__idempotency_key", "sku", "quantity"))
    Order.objects.get(idempotency_key="demo-7").delete()
    again = seed(20)

    assert "20 of 20 orders" in first
    assert "20 demo orders are there, 20 of them new." in first
    assert "20 demo orders are there, 1 of them new." in again
    after = list(Item.objects.values_list("order__idempotency_key", "sku", "quantity"))
    assert sorted(before) == sorted(after)


@pytest.mark.django_db
def test_fewer_than_no_demo_orders_are_refused() -> None:
    with pytest.raises(CommandError, match="0 or more"):
        seed(-1)
