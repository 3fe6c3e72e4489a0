"""Calls to other services: `await fetch("inventory")`, or several at once with `fan_out`.

What can be called is declared in `config/upstreams.py`. A call that fails raises an
`UpstreamError` with a `Reason`; `fan_out` turns those of its optional parts into `Failure`s.
"""

from core.upstreams.client import fetch, http_client
from core.upstreams.declaration import Upstream, declared_upstreams
from core.upstreams.failures import Failure, Reason, UpstreamError
from core.upstreams.fan_out import FanOut, fan_out

__all__ = [
    "Failure",
    "FanOut",
    "Reason",
    "Upstream",
    "UpstreamError",
    "declared_upstreams",
    "fan_out",
    "fetch",
    "http_client",
]
