"""Production: nothing is guessed, and it refuses to start without its secrets.

https://docs.djangoproject.com/en/6.1/howto/deployment/checklist/
"""

from environs import validate

from config.env import env, refuse_bad_configuration
from config.settings.base import *  # noqa: F403
from config.settings.base import UPSTREAMS

SECRET_KEY = env.str(
    "DJANGO_SECRET_KEY",
    validate=[
        validate.Length(min=50, error="Shorter than 50 characters."),
        validate.Regexp(
            r"(?!django-insecure-)", error="Still the value for development; make one of your own."
        ),
    ],
)
ALLOWED_HOSTS = env.list(
    "DJANGO_ALLOWED_HOSTS",
    validate=[
        validate.Length(min=1, error="Name the host names that the service answers to."),
        validate.ContainsNoneOf(["*"], error="Name the hosts; '*' lets anyone pretend to be one."),
    ],
)
CSRF_TRUSTED_ORIGINS: list[str] = env.list("DJANGO_CSRF_TRUSTED_ORIGINS", [])

{% if cookiecutter.celery_broker != "none" %}
# The folder that carries tasks in development would lose those of a worker that is killed.
CELERY_BROKER_URL = env.str(
{% if cookiecutter.celery_broker == "redis" %}
    "CELERY_BROKER_URL", validate=validate.Regexp(r"rediss?://", error="Starts with redis://.")
{% else %}
    "CELERY_BROKER_URL", validate=validate.Regexp(r"amqps?://", error="Starts with amqp://.")
{% endif %}
)

{% endif %}
# HTTPS everywhere. Behind a proxy, FORWARDED_ALLOW_IPS tells the server whose word to take
# for the scheme and the address of the client.
SECURE_SSL_REDIRECT = True
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-sessionid"
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_NAME = "__Host-csrftoken"

# As long as Kubernetes or a load balancer takes to send its requests elsewhere.
SHUTDOWN_DELAY = env.float("SHUTDOWN_DELAY", 5.0, validate=validate.Range(min=0))

# https://docs.djangoproject.com/en/6.1/topics/email/
MAILERS = {
    "default": {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": env.str("EMAIL_HOST", "localhost"),
            "port": env.int("EMAIL_PORT", 25),
            "username": env.str("EMAIL_HOST_USER", ""),
            "password": env.str("EMAIL_HOST_PASSWORD", ""),
            "use_tls": env.bool("EMAIL_USE_TLS", False),
            "timeout": 10,  # seconds
        },
    },
}

refuse_bad_configuration(UPSTREAMS)
