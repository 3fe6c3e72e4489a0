"""The services that this one waits on.

To add one, add its line here and `UPSTREAM_<NAME>_URL` to the environment; then
`await fetch("<name>")` from any async code gives its answer.
"""

from config.env import env
from core.upstreams import Upstream


def upstream(name: str, *, path: str, timeout: float = 2.0) -> Upstream:
    """Declare an upstream: its URL, and its timeout in seconds, are the environment's to set."""
    prefix = f"UPSTREAM_{name.upper()}"
    return Upstream(
        name=name,
        url=env.str(f"{prefix}_URL"),
        path=path,
        timeout=env.float(f"{prefix}_TIMEOUT", timeout),
    )


UPSTREAMS = [
    upstream("inventory", path="/inventory"),
    upstream("notifications", path="/notifications"),
    upstream("analytics", path="/analytics"),
    upstream("users", path="/users"),
    upstream("billing", path="/billing"),
]
