"""Asking an upstream, in one line."""

from collections.abc import Mapping
from typing import Any

from asgiref.sync import async_to_sync

from core.upstreams.call import call
from core.upstreams.declaration import declared_upstream
from core.upstreams.http import Question
from core.upstreams.kept import Answer, kept_or_called


async def fetch(
    name: str,
    *,
    method: str = "GET",
    path: str | None = None,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    json: Any = None,
    data: Mapping[str, str] | None = None,
    idempotent: bool = False,
    fresh: float | None = None,
    stale: float | None = None,
) -> Answer:
    """Ask an upstream and return its answer, a JSON object.

    Args:
        name: which upstream, as declared in `config/upstreams.py`.
        method: one that is not idempotent is not tried again.
        path: below the upstream's base URL; the one that it declares if not given.
        params: the query of the URL.
        headers: beside those that every call has.
        json: a body to send as JSON.
        data: a body to send as a form.
        idempotent: whether to try again all the same; for a POST that only asks something.
        fresh: seconds for which an answer is kept and given without asking again.
        stale: seconds for which a kept answer is given when the upstream fails.

    With `fresh` or `stale`, those who ask the same at the same time share one call.

    Raises:
        UpstreamError: whatever went wrong on the way, by its `Reason`.
        LookupError: no upstream of that name is declared.
    """
    upstream = declared_upstream(name)
    question = Question(method, path, params, headers, json, data, idempotent)
    if fresh is None and stale is None:
        return Answer(await call(upstream, question))
    if method != "GET":
        raise ValueError(f"Only the answers to GET can be kept, not those to {method}.")
    key = (upstream, path, _items(params), _items(headers))
    return await kept_or_called(
        name, key, lambda: call(upstream, question), fresh=fresh or 0.0, stale=stale or 0.0
    )


fetch_sync = async_to_sync(fetch)
"""`fetch` for sync code: tasks, management commands, the shell."""


def _items(mapping: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(mapping.items())) if mapping else ()
