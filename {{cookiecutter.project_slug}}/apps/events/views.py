import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from http import HTTPStatus

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string
from django.views.decorators.http import require_GET

from apps.events.bus import Bus, bus
from apps.events.event import (
    MOST_TOPICS,
    NAME,
    Event,
    encode,
    read_positions,
    write_positions,
)
from core.errors import refusal
from core.lean import threads

logger = logging.getLogger(__name__)

RETRY = 2000
"""Milliseconds after which a client comes back whose stream broke."""
RETRY_AT_THE_END = (500, 5000)
"""Milliseconds between which clients come back that were sent away, so as not to come at once."""
RETRY_AFTER = 10
"""Seconds after which a client may try again that there was no room for."""
LONG_POLL = 25.0
"""Seconds that a long poll waits for an event."""

HEADERS = {
    "Cache-Control": "no-cache, no-transform",
    "Vary": "Accept",
    "X-Accel-Buffering": "no",
}
STREAM, JSON = "text/event-stream", "application/json"
SIGN_OF_LIFE = b":\n\n"


@require_GET
async def events(request: HttpRequest, topics: str) -> HttpResponseBase:
    """The events of one topic, or of several with commas between them.

    A stream, or, for those who accept JSON only, a long poll: what came after `last_event_id`,
    with up to 25 s of waiting for it. 400 if a topic cannot be one, 401 and 403 if it is not for
    the one who asks, 503 if there is no room.
    """
    wanted = list(dict.fromkeys(topics.split(",")))
    if len(wanted) > MOST_TOPICS or not all(map(NAME.fullmatch, wanted)):
        return refusal(
            HTTPStatus.BAD_REQUEST, "topics", "invalid", f"Name 1 to {MOST_TOPICS} topics."
        )
    may_listen = import_string(settings.EVENTS_PERMISSION)
    for topic in wanted:
        if not await may_listen(request, topic):
            return await _forbidden(request, topic)
    here = await bus.get()
    client = request.META.get("REMOTE_ADDR") or ""
    if not here.has_room_for(client):
        return _unavailable("Too many are listening.")
    last_event_id = request.headers.get("Last-Event-ID") or request.GET.get("last_event_id", "")
    listening = (here, wanted, read_positions(last_event_id, wanted), client)
    if request.get_preferred_type([STREAM, JSON]) == JSON:
        return await _long_poll(*listening)
    if not isinstance(request, ASGIRequest):
        return refusal(
            HTTPStatus.NOT_IMPLEMENTED, "events", "unavailable", "Only config.asgi serves streams."
        )
    return EventStream(_stream(*listening), content_type=STREAM, headers=HEADERS)


class EventStream(StreamingHttpResponse):
    """A response that ends its iterator when it is not sent to its end.

    Django's own leaves that to the garbage collector, and the listener with it.
    """

    def __aiter__(self) -> AsyncIterator[bytes]:
        chunks: AsyncIterator[bytes] = self._iterator  # type: ignore[attr-defined]
        return chunks


async def _stream(
    here: Bus, topics: list[str], after: dict[str, int], client: str
) -> AsyncGenerator[bytes]:
    try:
        with await here.listen(topics, after, client) as listener:
            position = dict(listener.positions)
            # The position at once, for who loses the connection before the first event.
            yield encode(id=write_positions(position), retry=RETRY) + b"\n"
            async for batch in listener:
                yield b"".join(_blocks(batch, position)) or SIGN_OF_LIFE
    except here.unavailable as error:
        logger.warning("A stream ends, its client will be back: %s", error)
    soonest, latest = RETRY_AT_THE_END
    yield encode(retry=soonest + secrets.randbelow(latest - soonest)) + b"\n"


def _blocks(events: Iterable[Event], position: dict[str, int]) -> Iterator[bytes]:
    """Write events, each with the position that there is after it, which is brought up to date."""
    for event in events:
        position[event.topic] = event.id
        if len(position) == 1:
            yield event.block
        else:
            yield encode(id=write_positions(position)) + event.body


async def _long_poll(
    here: Bus, topics: list[str], after: dict[str, int], client: str
) -> HttpResponseBase:
    await threads.release()  # of what the permission asked the database
    found = []
    try:
        with await here.listen(topics, after, client) as listener:
            try:
                async with asyncio.timeout(LONG_POLL):
                    async for batch in listener:
                        if batch:
                            found = batch
                            break
            except TimeoutError:
                pass
            position = write_positions(listener.positions)
    except here.unavailable:
        return _unavailable("The events cannot be read at the moment.")
    answer = {
        # The id as text, as in a stream: it can be more than a number in JavaScript holds.
        "events": [
            {"topic": event.topic, "id": str(event.id), "type": event.type, "data": event.data}
            for event in found
        ],
        "last_event_id": position,
    }
    return JsonResponse(answer, headers=HEADERS)


async def _forbidden(request: HttpRequest, topic: str) -> JsonResponse:
    user = await request.auser()
    if user.is_authenticated:
        return refusal(HTTPStatus.FORBIDDEN, topic, "forbidden", "This topic is not for you.")
    return refusal(
        HTTPStatus.UNAUTHORIZED, topic, "unauthorized", "Log in to listen to this topic."
    )


def _unavailable(detail: str) -> JsonResponse:
    return refusal(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "events",
        "unavailable",
        detail,
        headers={"Retry-After": str(RETRY_AFTER)},
    )
