"""The rendered project's production settings, reachable over plain HTTP, with the variants' URLs."""

from config.settings.production import *  # noqa: F403

SECURE_SSL_REDIRECT = False
ROOT_URLCONF = "bench_urls"
