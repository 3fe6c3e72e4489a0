"""The rendered project's production settings, reachable over plain HTTP, with the variants' URLs."""

import os
from dataclasses import replace

from config.settings.production import *  # noqa: F403
from config.settings.production import DATABASES, INSTALLED_APPS, UPSTREAMS

SECURE_SSL_REDIRECT = False
ROOT_URLCONF = "bench_urls"

# To see what a hanging upstream costs while its circuit is closed.
if os.environ.get("BENCH_NO_BREAKER"):
    UPSTREAMS = {
        name: replace(upstream, breaker_failures=10**9) for name, upstream in UPSTREAMS.items()
    }

if os.environ.get("BENCH_DJANGOS_OWN"):
    LEAN_ASGI = False

if os.environ.get("BENCH_NO_POOL"):
    del DATABASES["default"]["OPTIONS"]["pool"]

if os.environ.get("BENCH_EVENTSTREAM"):
    INSTALLED_APPS += ["django_eventstream"]
