"""The switches on the dashboard page that make the stub upstreams misbehave."""

from typing import Any

from django.dispatch import Signal
from django.http import HttpRequest

SWITCHES: dict[str, tuple[str, dict[str, Any]]] = {
    "healthy": ("Healthy", {}),
    "slow": ("Slow", {"delay": 30.0}),
    "error": ("Error 500", {"status": 500}),
    "broken": ("Broken JSON", {"body": '{"items": 12'}),
    "huge": ("10 MB", {"body": '{"padding": "' + "x" * 10_000_000 + '"}'}),
    "redirect": ("Redirect", {"status": 302, "headers": {"location": "http://192.0.2.1/"}}),
    "drop": ("Hang up", {"drop": True}),
}
"""By name: the label of the button, and what the stub is told."""

switched = Signal()
"""Sent when a stub was told something else; its argument is the `name` of the stub."""


def switches(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the buttons, by name and label."""
    return {"stub_switches": {name: label for name, (label, _) in SWITCHES.items()}}
