"""Tests: as in development, but quick, quiet and without DEBUG."""

from config.settings.local import *  # noqa: F403
{% if cookiecutter.celery_broker != "none" %}
from config.settings.local import (
    CELERY_TASK_DEFAULT_QUEUE,
    CELERY_TASK_QUEUES,
    CELERY_TASK_ROUTES,
)
{% endif %}

DEBUG = False
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}

# `client.login()` has no request whose address could be counted.
AXES_ENABLED = False
{% if cookiecutter.celery_broker != "none" %}

# Not development's, whose worker would take the tasks of the tests.
CELERY_TASK_DEFAULT_QUEUE += "_test"
CELERY_TASK_QUEUES = {f"{name}_test": options for name, options in CELERY_TASK_QUEUES.items()}
CELERY_TASK_ROUTES = {
    task: {"queue": f"{route['queue']}_test"} for task, route in CELERY_TASK_ROUTES.items()
}
{% if cookiecutter.celery_broker == "rabbitmq" %}

# Seconds after which a worker sees that its test is over.
CELERY_BROKER_HEARTBEAT = 1
{% endif %}
{% endif %}
