"""The services that this one waits on.

To add one, add its line here and `UPSTREAM_<NAME>_URL` to the environment; then
`await fetch("<name>")` from any async code gives its answer. What else can be said of one, such
as `retries`, `concurrency` or `follow_redirects`, is in `core.upstreams.Upstream`.
"""

from typing import Any

from config.env import env
from core.upstreams import Upstream


def upstream(name: str, *, path: str, timeout: float = 2.0, **more: Any) -> Upstream:
    """Declare an upstream; the environment sets its URL, and may set two things more.

    `UPSTREAM_<NAME>_TIMEOUT` is in seconds, `UPSTREAM_<NAME>_AUTHORIZATION` is what the
    Authorization header says.
    """
    prefix = f"UPSTREAM_{name.upper()}"
    return Upstream(
        name=name,
        url=env.str(f"{prefix}_URL"),
        path=path,
        authorization=env.str(f"{prefix}_AUTHORIZATION", ""),
        timeout=env.float(f"{prefix}_TIMEOUT", timeout),
        **more,
    )


UPSTREAMS = [
    upstream("inventory", path="/inventory"),
    upstream("notifications", path="/notifications"),
    upstream("analytics", path="/analytics"),
    upstream("users", path="/users"),
    upstream("billing", path="/billing"),
]

# Verifies bearer tokens; needed only with EXTERNAL_AUTH_PATHS.
if env.str("UPSTREAM_AUTH_URL", ""):
    UPSTREAMS.append(upstream("auth", path="/introspect"))
