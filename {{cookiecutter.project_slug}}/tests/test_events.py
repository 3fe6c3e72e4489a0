"""Events: every one, once and in order, to all who listen, however they come and go."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as configured
from django.core import checks
from django.core.exceptions import SynchronousOnlyOperation
from django.db import transaction
from django.http import HttpRequest
from django.test import AsyncClient
from django.utils import timezone
from pytest_django import Settings

from apps.accounts.models import User
from apps.events import bus as bus_module
from apps.events import event as event_module
from apps.events import views
from apps.events.bus import Bus, bus
from apps.events.engines import Engine, current_engine
from apps.events.engines.database import PRUNED_EVERY, DatabaseEngine
from apps.events.event import encode, read_positions, write_positions
from apps.events.models import StoredEvent
from apps.events.permissions import public_topics
from apps.events.services import Event, InvalidEventError, publish, publish_sync
from core.drain import draining
from core.lean import get_asgi_application

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 10.0
"""Seconds after which a test fails that waits for what does not come."""

# `EVENTS_URL=redis://… pytest` tests that engine, too.
ENGINES = sorted({"memory://", "database://", configured.EVENTS_URL})


@pytest.fixture(autouse=True)
def memory(settings: Settings) -> None:
    settings.EVENTS_URL = "memory://"
    settings.EVENTS_PUBLIC_TOPICS = ["orders", "news"]


@pytest.fixture(params=ENGINES)
def each_engine(settings: Settings, request: pytest.FixtureRequest) -> None:
    settings.EVENTS_URL = request.param


class Stream:
    """What a browser reads, block by block."""

    def __init__(self, response: Any) -> None:
        self.headers = response.headers
        self._chunks: Any = aiter(response)
        self._text = ""

    async def block(self) -> dict[str, str]:
        """Return the fields of the next block; of a sign of life, the empty one."""
        async with asyncio.timeout(PATIENCE):
            while "\n\n" not in self._text:
                self._text += (await anext(self._chunks)).decode()
        block, _, self._text = self._text.partition("\n\n")
        fields = (line.partition(": ") for line in block.split("\n"))
        return {name: value for name, _, value in fields}

    async def events(self, count: int) -> list[dict[str, str]]:
        blocks: list[dict[str, str]] = []
        while len(blocks) < count:
            block = await self.block()
            if "data" in block:
                blocks.append(block)
        return blocks

    async def data(self, count: int) -> list[str]:
        return [block["data"] for block in await self.events(count)]

    async def rest(self) -> list[dict[str, str]]:
        """Return the blocks until the stream ends."""
        blocks: list[dict[str, str]] = []
        try:
            while True:
                blocks.append(await self.block())
        except StopAsyncIteration:
            return blocks

    async def leave(self) -> None:
        await self._chunks.aclose()


type Listen = Callable[..., Any]


@pytest.fixture
def listen(async_client: AsyncClient) -> Listen:
    """Open a stream and read its first block, which says where it starts."""

    @asynccontextmanager
    async def listen(topics: str = "orders", after: object = None) -> AsyncIterator[Stream]:
        headers = {} if after is None else {"Last-Event-ID": str(after)}
        response = await async_client.get(f"/events/{topics}/", headers=headers)
        assert response.status_code == 200
        stream = Stream(response)
        assert (await stream.block())["retry"] == str(views.RETRY)
        yield stream
        await stream.leave()

    return listen


async def publish_numbers(count: int, topic: str = "orders", start: int = 0) -> list[Event]:
    return [await publish(topic, "number", number) for number in range(start, start + count)]


# What is written


@pytest.mark.parametrize(
    ("fields", "written"),
    [
        pytest.param({"data": "x"}, b"data: x\n", id="data"),
        pytest.param({"data": ""}, b"data: \n", id="empty data"),
        pytest.param({"data": "a\nb\rc\r\nd"}, b"data: a\ndata: b\ndata: c\ndata: d\n", id="lines"),
        pytest.param({"data": "a\n"}, b"data: a\ndata: \n", id="a line break at the end"),
        pytest.param({"data": "ż"}, "data: ż\n".encode(), id="UTF-8"),
        pytest.param({"retry": 500}, b"retry: 500\n", id="retry"),
        pytest.param(
            {"id": "7", "event": "paid", "data": "{}"},
            b"id: 7\nevent: paid\ndata: {}\n",
            id="an event",
        ),
    ],
)
def test_fields_are_written_as_the_specification_says(
    fields: dict[str, Any], written: bytes
) -> None:
    assert encode(**fields) == written


@pytest.mark.parametrize(
    ("text", "topics", "positions"),
    [
        ("12", ["orders"], {"orders": 12}),
        ("orders=12&news=7", ["orders", "news"], {"orders": 12, "news": 7}),
        ("orders=12", ["orders", "news"], {"orders": 12}),
        ("orders=12&other=7", ["orders", "news"], {"orders": 12}),
        ("", ["orders"], {}),
        ("-1", ["orders"], {}),
        ("twelve", ["orders"], {}),
        ("٣", ["orders"], {}),
        ("9" * 19, ["orders"], {"orders": 2**63 - 1}),
        ("9" * 20, ["orders"], {}),
    ],
)
def test_a_last_event_id_is_read_as_far_as_it_makes_sense(
    text: str, topics: list[str], positions: dict[str, int]
) -> None:
    assert read_positions(text, topics) == positions


@pytest.mark.parametrize("positions", [{"orders": 12}, {"orders": 12, "news": 0}])
def test_positions_are_read_as_they_were_written(positions: dict[str, int]) -> None:
    assert read_positions(write_positions(positions), list(positions)) == positions


@pytest.mark.parametrize(
    ("topic", "type", "data", "complaint"),
    [
        ("or ders", "new", {}, "The topic 'or ders'"),
        ("orders,news", "new", {}, "The topic 'orders,news'"),
        ("x" * 101, "new", {}, "The topic"),
        ("orders", "new\ndata: forged", {}, "The type"),
        ("orders", "new", object(), "cannot be written as JSON"),
        ("orders", "new", float("nan"), "cannot be written as JSON"),
        ("orders", "new", "x" * event_module.MOST_BYTES, "publish where it can be fetched"),
    ],
)
async def test_what_cannot_be_published_is_refused_with_the_reason(
    topic: str,
    type: str,  # noqa: A002
    data: object,
    complaint: str,
) -> None:
    with pytest.raises(InvalidEventError, match=complaint):
        await publish(topic, type, data)


# Streams


@pytest.mark.usefixtures("each_engine")
async def test_an_event_reaches_who_listens(listen: Listen) -> None:
    async with listen() as stream:
        event = await publish("orders", "paid", {"text": "line\nbreak", "at": timezone.now()})

        [block] = await stream.events(1)

    assert block["id"] == str(event.id)
    assert block["event"] == "paid"
    assert block["data"] == event.content
    assert event.data["text"] == "line\nbreak"
    assert stream.headers["Content-Type"] == "text/event-stream"
    assert stream.headers["Cache-Control"] == "no-cache, no-transform"
    assert stream.headers["X-Accel-Buffering"] == "no"


@pytest.mark.usefixtures("each_engine")
async def test_who_comes_first_time_hears_what_comes_next(listen: Listen) -> None:
    await publish_numbers(3)

    async with listen() as stream:
        await publish_numbers(2, start=3)

        assert await stream.data(2) == ["3", "4"]


@pytest.mark.usefixtures("each_engine")
async def test_who_comes_back_hears_each_missed_and_each_new_event_once_and_in_order(
    listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "PAGE", 10)
    first, *_ = await publish_numbers(20)

    async with asyncio.TaskGroup() as group, listen() as other:
        # Keeps the topic busy while it is caught up with.
        publishing = group.create_task(publish_numbers(60, start=20))
        await other.data(5)
        async with listen(after=first.id) as stream:
            assert await stream.data(79) == [str(number) for number in range(1, 80)]
        await publishing


@pytest.mark.usefixtures("each_engine")
async def test_many_listeners_get_the_same(listen: Listen) -> None:
    async with listen() as first, listen() as second, listen("news") as third:
        await publish_numbers(3)
        await publish_numbers(1, "news")

        assert await first.data(3) == await second.data(3) == ["0", "1", "2"]
        assert await third.data(1) == ["0"]


@pytest.mark.usefixtures("each_engine")
async def test_several_topics_share_a_connection_and_come_back_exactly(listen: Listen) -> None:
    async with listen("orders,news") as stream:
        await publish_numbers(2, "orders")
        await publish_numbers(1, "news")
        *_, last = await stream.events(3)
    await publish_numbers(1, "news", start=10)
    await publish_numbers(1, "orders", start=20)

    async with listen("orders,news", after=last["id"]) as stream:
        assert sorted(await stream.data(2)) == ["10", "20"]


async def test_the_first_connection_may_say_in_the_address_where_to_start(
    async_client: AsyncClient,
) -> None:
    first, _ = await publish_numbers(2)

    response = await async_client.get("/events/orders/", query_params={"last_event_id": first.id})

    assert await Stream(response).data(1) == ["1"]


async def test_a_client_that_is_ahead_of_a_new_beginning_gets_all_there_is(listen: Listen) -> None:
    [event] = await publish_numbers(1, "news")

    async with listen("news", after=event.id + 1_000_000) as stream:
        assert "0" in await stream.data(1)


async def test_a_quiet_stream_gives_signs_of_life(listen: Listen, settings: Settings) -> None:
    settings.EVENTS_HEARTBEAT = 0.01

    async with listen() as stream:
        assert await stream.block() == {":": ""}


def test_a_check_finds_events_that_stay_in_one_process(settings: Settings) -> None:
    settings.WORKERS = 2
    assert [warning.id for warning in checks.run_checks()] == ["events.W001"]

    settings.WORKERS = 1
    assert checks.run_checks() == []


async def test_a_slow_listener_is_ended_and_comes_back_without_a_loss(
    listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "QUEUE_SIZE", 5)

    async with listen() as slow, listen() as quick:
        [first] = await publish_numbers(1)
        assert await slow.data(1) == ["0"]
        for number in range(1, 20):
            await publish_numbers(1, start=number)
            await quick.data(1 if number > 1 else 2)

        assert not [block for block in await slow.rest() if "data" in block]
    async with listen(after=first.id) as back:
        assert await back.data(19) == [str(number) for number in range(1, 20)]


async def test_an_engine_that_goes_away_and_comes_back_does_not_end_streams(
    listen: Listen, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bus_module, "SHORTEST_PAUSE", 0.01)
    engine = current_engine()
    reads = engine.read
    failures = iter([ConnectionError("gone")] * 3)

    async def read(positions: dict[str, int], limit: int) -> list[Event]:
        for failure in failures:
            raise failure
        return await reads(positions, limit)

    async with listen() as stream:
        monkeypatch.setattr(engine, "read", read)
        await publish_numbers(2)

        assert await stream.data(2) == ["0", "1"]
    assert caplog.text.count("The events cannot be read") == 1


@pytest.mark.parametrize("reads", [True, False])
async def test_a_client_that_hangs_up_leaves_nothing_behind(
    settings: Settings, reads: bool
) -> None:
    settings.SERVESTATIC_AUTOREFRESH = False  # looks for files on a thread
    received = iter([{"type": "http.request"}])
    sending, hung_up = asyncio.Event(), asyncio.Event()

    async def receive() -> dict[str, Any]:
        for message in received:
            return message
        await hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message.get("body"):
            sending.set()
            if not reads:
                await asyncio.Future()

    headers = [(b"host", b"testserver")]
    scope = {"type": "http", "method": "GET", "path": "/events/orders/", "headers": headers}
    serving = asyncio.ensure_future(get_asgi_application()(scope, receive, send))
    await sending.wait()
    assert not is_empty(await bus.get())
    threads = threading.active_count()

    hung_up.set()
    await serving

    assert is_empty(await bus.get())
    assert threading.active_count() == threads


def is_empty(bus: Bus) -> bool:
    return not (bus._listeners or bus._clients or bus._by_topic or bus._cursors)


async def test_streams_end_when_the_server_is_told_to_stop(listen: Listen) -> None:
    async with listen() as stream:
        (await draining.get()).set()

        [farewell] = await stream.rest()

    soonest, latest = views.RETRY_AT_THE_END
    assert soonest <= int(farewell["retry"]) < latest
    async with listen() as late:
        assert len(await late.rest()) == 1


# Who may listen, and how many


async def test_a_topic_that_is_not_public_is_closed(async_client: AsyncClient) -> None:
    response = await async_client.get("/events/orders,secret/")

    assert response.status_code == 401
    assert response.json()["errors"]["secret"]["reason"] == "unauthorized"


@pytest.mark.parametrize(
    ("topic", "public"), [("room.7", True), ("room", False), ("x.room.7", False)]
)
async def test_a_star_makes_the_topics_public_that_begin_so(
    settings: Settings, topic: str, public: bool
) -> None:
    settings.EVENTS_PUBLIC_TOPICS = ["news", "room.*"]

    assert await public_topics(HttpRequest(), topic) is public


async def test_a_topic_that_is_not_public_is_closed_to_users_too(async_client: AsyncClient) -> None:
    await async_client.aforce_login(await User.objects.acreate(username="ada"))

    response = await async_client.get("/events/secret/")

    assert response.status_code == 403
    assert response.json()["errors"]["secret"]["reason"] == "forbidden"


async def own_topic(request: HttpRequest, topic: str) -> bool:
    return topic == f"user.{(await request.auser()).pk}"


async def test_a_permission_of_ones_own_decides(
    async_client: AsyncClient, listen: Listen, settings: Settings
) -> None:
    settings.EVENTS_PERMISSION = f"{__name__}.own_topic"
    user = await User.objects.acreate(username="ada")
    await async_client.aforce_login(user)

    async with listen(f"user.{user.pk}") as stream:
        await publish_numbers(1, f"user.{user.pk}")
        assert await stream.data(1) == ["0"]
    assert (await async_client.get("/events/user.0/")).status_code == 403


@pytest.mark.parametrize("topics", ["or%20ders", "orders,", ",".join(map(str, range(30)))])
async def test_what_cannot_be_topics_is_a_bad_request(
    async_client: AsyncClient, topics: str
) -> None:
    assert (await async_client.get(f"/events/{topics}/")).status_code == 400


@pytest.mark.parametrize("limit", ["EVENTS_MAX_LISTENERS", "EVENTS_MAX_LISTENERS_PER_CLIENT"])
async def test_there_is_a_limit_of_listeners(
    async_client: AsyncClient, listen: Listen, settings: Settings, limit: str
) -> None:
    setattr(settings, limit, 1)

    async with listen():
        response = await async_client.get("/events/orders/")

    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0


# Long polls


async def poll(client: AsyncClient, after: str = "") -> dict[str, Any]:
    response = await client.get(
        "/events/orders/",
        headers={"Accept": "application/json"},
        query_params={"last_event_id": after},
    )
    assert response.status_code == 200
    answer: dict[str, Any] = response.json()
    return answer


@pytest.mark.usefixtures("each_engine")
async def test_a_long_poll_answers_with_what_was_missed(async_client: AsyncClient) -> None:
    first, second, third = await publish_numbers(3)

    answer = await poll(async_client, str(first.id))

    assert answer["events"] == [
        {"topic": "orders", "id": str(event.id), "type": "number", "data": event.data}
        for event in (second, third)
    ]
    assert answer["last_event_id"] == str(third.id)


@pytest.mark.usefixtures("each_engine")
async def test_a_long_poll_waits_for_an_event(async_client: AsyncClient) -> None:
    [event] = await publish_numbers(1)
    polling = asyncio.ensure_future(poll(async_client, str(event.id)))
    async with asyncio.timeout(PATIENCE):
        while is_empty(await bus.get()):
            await asyncio.sleep(0.01)

    await publish_numbers(1, start=7)

    assert [event["data"] for event in (await polling)["events"]] == [7]


async def test_a_long_poll_without_an_event_says_where_to_go_on(
    async_client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "LONG_POLL", 0.01)
    [event] = await publish_numbers(1)

    assert await poll(async_client) == {"events": [], "last_event_id": str(event.id)}


@pytest.fixture
def out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    async def last(topics: list[str]) -> dict[str, int]:
        raise ConnectionError

    monkeypatch.setattr(current_engine(), "last", last)
    monkeypatch.setattr(current_engine(), "unavailable", (ConnectionError,))


@pytest.mark.usefixtures("out_of_reach")
async def test_a_long_poll_of_events_that_cannot_be_read_may_come_again(
    async_client: AsyncClient,
) -> None:
    response = await async_client.get("/events/orders/", headers={"Accept": "application/json"})

    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0


@pytest.mark.usefixtures("out_of_reach")
async def test_a_stream_of_events_that_cannot_be_read_says_when_to_come_back(
    async_client: AsyncClient,
) -> None:
    response = await async_client.get("/events/orders/")

    assert [list(block) for block in await Stream(response).rest()] == [["retry"]]


# Publishing from sync code, and what the database keeps


@pytest.mark.usefixtures("each_engine")
async def test_sync_code_publishes_too(listen: Listen) -> None:
    async with listen() as stream:
        await sync_to_async(publish_sync)("orders", "number", 1)

        assert await stream.data(1) == ["1"]


async def test_sync_publishing_is_refused_on_the_event_loop() -> None:
    with pytest.raises(SynchronousOnlyOperation, match="await publish"):
        publish_sync("orders", "number", 1)


@pytest.fixture
def database(settings: Settings) -> Engine:
    settings.EVENTS_URL = "database://"
    return current_engine()


async def test_what_a_transaction_takes_back_is_not_heard(
    database: DatabaseEngine, listen: Listen
) -> None:
    def publish_in_vain() -> None:
        with transaction.atomic():
            publish_sync("orders", "number", 1)
            transaction.set_rollback(True)

    async with listen() as stream:
        await sync_to_async(publish_in_vain)()
        await publish_numbers(1, start=2)

        assert await stream.data(1) == ["2"]


async def test_the_database_keeps_neither_too_old_nor_too_many_events(
    database: DatabaseEngine, settings: Settings
) -> None:
    settings.EVENTS_MAX_LENGTH = 10
    yesterday = timezone.now() - timedelta(seconds=settings.EVENTS_MAX_AGE + 1)
    await StoredEvent.objects.acreate(
        topic="news", type="number", content="1", created_at=yesterday
    )

    await publish_numbers(2 * PRUNED_EVERY)

    assert not await StoredEvent.objects.filter(topic="news").aexists()
    assert await StoredEvent.objects.filter(topic="orders").acount() < PRUNED_EVERY + 10


async def test_many_topics_are_read_in_few_queries(database: DatabaseEngine) -> None:
    topics = [f"user.{number}" for number in range(120)]
    for topic in topics[::30]:
        await publish_numbers(1, topic)

    last = await database.last(topics)
    events = await database.read(dict.fromkeys(topics, 0), limit=500)

    assert {event.topic for event in events} == set(topics[::30])
    assert {topic for topic, position in last.items() if position} == set(topics[::30])
