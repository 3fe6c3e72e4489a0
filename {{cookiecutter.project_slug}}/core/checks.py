"""System checks: mistakes that `manage.py check` names before a request does."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, register

from core.upstreams import declared_upstreams


@register("upstreams")
def check_upstreams(**kwargs: Any) -> Sequence[CheckMessage]:
    """Each declared upstream can be called."""
    return [
        Error(f"Upstream '{name}': {problem}", hint="See config/upstreams.py.", id="core.E001")
        for name, upstream in declared_upstreams().items()
        for problem in upstream.problems()
    ]
