"""Tests: as in development, but quick, quiet and without DEBUG."""

{% if cookiecutter.celery_broker != "none" %}
from config.env import BASE_DIR
{% endif %}
from config.settings.local import *  # noqa: F403

DEBUG = False
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}

# `client.login()` has no request whose address could be counted.
AXES_ENABLED = False
{% if cookiecutter.celery_broker != "none" %}

# Not development's, whose worker would take the tasks of the tests.
CELERY_BROKER_URL = "filesystem://localhost"
CELERY_BROKER_TRANSPORT = "core.tasks.folder:Transport"
CELERY_BROKER_TRANSPORT_OPTIONS = {"folder": str(BASE_DIR / ".tasks" / "test")}
{% endif %}
