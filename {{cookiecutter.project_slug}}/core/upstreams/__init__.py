"""Calls to other services: `await fetch("inventory")`, or several at once with `fan_out`.

What can be called is declared in `config/upstreams.py`. A call that fails raises an
`UpstreamError` with a `Reason`; `fan_out` turns those of its optional parts into `Failure`s.
Sync code has `fetch_sync`.
"""

from core.upstreams.breaker import State, breaker_of
from core.upstreams.call import connections
from core.upstreams.context import Calls, counted_calls, deadline, forwarded_headers
from core.upstreams.declaration import Upstream, declared_upstreams
from core.upstreams.failures import Failure, Reason, UpstreamError
from core.upstreams.fan_out import FanOut, fan_out
from core.upstreams.fetch import fetch, fetch_sync
from core.upstreams.kept import Answer

__all__ = [
    "Answer",
    "Calls",
    "Failure",
    "FanOut",
    "Reason",
    "State",
    "Upstream",
    "UpstreamError",
    "breaker_of",
    "connections",
    "counted_calls",
    "deadline",
    "declared_upstreams",
    "fan_out",
    "fetch",
    "fetch_sync",
    "forwarded_headers",
]
