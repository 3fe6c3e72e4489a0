"""Settings that every place shares; what differs between places is read from the environment.

https://docs.djangoproject.com/en/6.1/ref/settings/
"""

import logging
{% if cookiecutter.celery_broker != "none" %}
import sys
{% endif %}
from datetime import timedelta
{% if cookiecutter.database == "postgresql" or cookiecutter.celery_broker != "none" %}
from typing import Any
{% endif %}

from django.utils.csp import CSP
from environs import validate

from config.cores import available_cores
from config.env import BASE_DIR, env
from config.upstreams import UPSTREAMS as DECLARED_UPSTREAMS

# The service
# ------------------------------------------------------------------------------

SERVICE_NAME = {{ cookiecutter.__project_name_literal }}

# The pages that every page links to: their names for people, and in the routes.
NAVIGATION = {
    "Dashboard": "dashboard:page",
{% if cookiecutter.celery_broker != "none" %}
    "Images": "images:page",
{% endif %}
}

# Upstreams are declared in config/upstreams.py.
UPSTREAMS = {upstream.name: upstream for upstream in DECLARED_UPSTREAMS}

# The longest that a view waits for all its upstreams together, in seconds.
FAN_OUT_DEADLINE = 5.0

# For how many seconds the dashboard may show what an upstream answered last, marked with its age,
# when it fails. 0: not at all.
DASHBOARD_STALE = 0

# The server
# ------------------------------------------------------------------------------

# Worker processes.
WORKERS = env.int("WEB_CONCURRENCY", available_cores(), validate=validate.Range(min=1))
PORT = env.int("PORT", 8000)

# After SIGTERM, in seconds: for how long requests are still taken, so that whatever sends them sees
# in time that /readyz says no, and then how long those in progress have to finish. Together less
# than what runs the service waits before it kills: 30 in Kubernetes.
SHUTDOWN_DELAY = 0.0
SHUTDOWN_TIMEOUT = 20

# How long an idle connection is kept, in seconds: longer than a proxy does (nginx: 60), so that
# none is closed just when the proxy sends a request on it.
KEEP_ALIVE = 75

# Django
# ------------------------------------------------------------------------------

SECRET_KEY = env.str("DJANGO_SECRET_KEY")
DEBUG = False
ALLOWED_HOSTS: list[str] = env.list("DJANGO_ALLOWED_HOSTS", [])

# Django's ASGI handler without the thread hops that a request has no use for; see core/lean.
LEAN_ASGI = True

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
WSGI_APPLICATION = "config.wsgi.application"

# What a process opens before its first request, and closes, last one first, after its last one.
LIFESPAN = [
    "core.upstreams.connections",
{% if cookiecutter.database == "postgresql" %}
    "core.postgresql.pools.pools",
{% endif %}
    "core.loop_watch.loop_watch",
    "core.drain.signals",
{% if cookiecutter.use_sse %}
    "apps.events.bus.bus",
{% endif %}
    "core.collector.seldom",
]

# What /readyz asks, all at once: functions that answer "ok" or, in a word, why not. However many
# ask, each is called once at a time, a sync one on a thread of its own.
READINESS_CHECKS = {
    "database": "core.health.database",
{% if cookiecutter.celery_broker != "none" %}
    "broker": "core.tasks.health.broker",
{% endif %}
}

# What it tells beside: without it the service still does most of its work.
READINESS_NOTES = {
    "circuits": "core.health.circuits",
{% if cookiecutter.celery_broker != "none" %}
    "workers": "core.tasks.health.workers",
{% endif %}
}

# Bytes that the body of a request may have; and other limits, by what its path begins with.
MAX_BODY_SIZE = 2_500_000
{% if cookiecutter.celery_broker != "none" %}
IMAGES_MAX_BYTES = 20 * 1024 * 1024
MAX_BODY_SIZES = dict.fromkeys(["/images/", "/api/images/"], IMAGES_MAX_BYTES + 64 * 1024)
{% else %}
MAX_BODY_SIZES: dict[str, int] = {}
{% endif %}

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "axes",
    "servestatic",
    "django.contrib.staticfiles",
    "core",
{% if cookiecutter.database == "postgresql" %}
    "core.postgresql",
{% endif %}
{% if cookiecutter.celery_broker != "none" %}
    "core.tasks",
{% endif %}
    "apps.accounts",
    "apps.dashboard",
    "apps.orders",
{% if cookiecutter.celery_broker != "none" %}
    "apps.images",
{% endif %}
{% if cookiecutter.use_sse %}
    "apps.events",
{% endif %}
]

MIDDLEWARE = [
    "core.health.probes",
    "core.middleware.forward_request_id",
    "core.errors.ErrorMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "core.static_files.StaticFilesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "core.external_auth.external_auth",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "core.context_processors.service",
{% if cookiecutter.use_sse %}
                "apps.events.context_processors.live",
{% endif %}
            ],
        },
    },
]

# Database
# https://docs.djangoproject.com/en/6.1/ref/databases/
# ------------------------------------------------------------------------------

{% if cookiecutter.database == "postgresql" %}
# None while DATABASE_URL is missing, which is reported with whatever else is.
DATABASE: dict[str, Any] = env.dj_db_url("DATABASE_URL") or {}

if DATABASE.get("ENGINE") == "django.db.backends.postgresql":
    limits = {
        # How long one statement may run, and wait for a lock, in seconds; 0: without end.
        "statement_timeout": env.float("DATABASE_STATEMENT_TIMEOUT", 30.0),
        "lock_timeout": env.float("DATABASE_LOCK_TIMEOUT", 10.0),
    }
    given = DATABASE.get("OPTIONS", {})
    DATABASE["OPTIONS"] = {
        **given,
        "options": " ".join(
            [*(f"-c {name}={limits[name]}s" for name in limits), given.get("options", "")]
        ),
        "pool": {
            "min_size": 1,
            "max_size": env.int("DATABASE_POOL_SIZE", 10, validate=validate.Range(min=1)),
            # Seconds that a request waits for a connection.
            "timeout": 5,
        },
    }
else:
    # Another engine that DATABASE_URL names is used as it is, with a file for the tests.
    DATABASE["TEST"] = {"NAME": str(BASE_DIR / "test.db")}
{% else %}
DATABASE = env.dj_db_url("DATABASE_URL", f"sqlite:///{BASE_DIR / 'db.sqlite3'}")
{% endif %}
DATABASES = {
    "default": {
        **DATABASE,
        # Has to stay off: Django refuses to run an async view in it. Use `transaction.atomic`
        # in a sync function, and call that through `sync_to_async`.
        "ATOMIC_REQUESTS": False,
{% if cookiecutter.database == "postgresql" %}
        # The pool keeps the connections; a request borrows one and gives it back.
        "CONN_MAX_AGE": 0,
{% else %}
        # WAL lets readers go on while one writes; IMMEDIATE takes the write lock when a
        # transaction starts, so a writer waits its turn (`timeout`, in seconds) instead of
        # failing half-way.
        "OPTIONS": {
            **DATABASE.get("OPTIONS", {}),
            "transaction_mode": "IMMEDIATE",
            "timeout": 5,
            "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL",
        },
        # A file for tests too: all of the above does not apply to a database in memory.
        "TEST": {"NAME": str(BASE_DIR / "test.sqlite3")},
{% endif %}
    }
}

{% if cookiecutter.use_sse %}
# Server-sent events
# ------------------------------------------------------------------------------

# What keeps the events and carries them between processes: `database://`, `redis://host:6379/0`,
# or `memory://` for a single process.
EVENTS_URL = env.str(
    "EVENTS_URL",
    "database://",
    validate=validate.Regexp(
        r"(database|memory|rediss?)://", error="Starts with database://, redis:// or memory://."
    ),
)
EVENTS_ENGINES = {
{% if cookiecutter.database == "postgresql" %}
    "database": (
        "apps.events.engines.postgresql.PostgreSQLEngine"
        if DATABASE.get("ENGINE") == "django.db.backends.postgresql"
        else "apps.events.engines.database.DatabaseEngine"
    ),
{% else %}
    "database": "apps.events.engines.database.DatabaseEngine",
{% endif %}
    "memory": "apps.events.engines.memory.MemoryEngine",
    "redis": "apps.events.engines.redis.RedisEngine",
    "rediss": "apps.events.engines.redis.RedisEngine",
}

# Who may listen to a topic, asked before a stream opens; this one says: everybody, to these.
EVENTS_PERMISSION = "apps.events.permissions.public_topics"
EVENTS_PUBLIC_TOPICS: list[str] = env.list("EVENTS_PUBLIC_TOPICS", [])

# For how many seconds, and how many of a topic, events are kept for those who were away.
EVENTS_MAX_AGE = 24 * 60 * 60
EVENTS_MAX_LENGTH = 10_000

# The longest that a stream is silent, in seconds, for proxies that end idle ones.
EVENTS_HEARTBEAT = 15.0

# How many may listen at once in each process, and from one address there.
EVENTS_MAX_LISTENERS = env.int("EVENTS_MAX_LISTENERS", 10_000)
EVENTS_MAX_LISTENERS_PER_CLIENT = env.int("EVENTS_MAX_LISTENERS_PER_CLIENT", 100)

{% endif %}
{% if cookiecutter.celery_broker != "none" %}
# Tasks
# https://docs.celeryq.dev/en/stable/userguide/configuration.html
# ------------------------------------------------------------------------------

TASKS_APP = "config.celery.app"

# Empty while it is malformed, which is reported with whatever else is.
CELERY_BROKER_URL = (
    env.str(
        "CELERY_BROKER_URL",
        "filesystem://localhost",
{% if cookiecutter.celery_broker == "redis" %}
        validate=validate.Regexp(r"(rediss?|filesystem)://", error="Starts with redis://."),
{% else %}
        validate=validate.Regexp(r"(amqps?|filesystem)://", error="Starts with amqp://."),
{% endif %}
    )
    or ""
)
if CELERY_BROKER_URL.startswith("filesystem:"):
    # No server: for development and tests.
    CELERY_BROKER_TRANSPORT = "core.tasks.folder:Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {"folder": str(BASE_DIR / ".tasks")}
else:
{% if cookiecutter.celery_broker == "redis" %}
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        # Seconds after which a task that is not done is given to another worker: longer than any
        # task takes, with the wait for its retry. It is looked for every 5 seconds.
        "visibility_timeout": 120,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": 2,
        "socket_timeout": 5,
    }
{% else %}
    # A task counts as queued when RabbitMQ says so. One that hangs does not hold a thread for good:
    # seconds, which Windows would take for milliseconds.
    CELERY_BROKER_TRANSPORT_OPTIONS = {"confirm_publish": True}
    if sys.platform != "win32":
        CELERY_BROKER_TRANSPORT_OPTIONS |= {"read_timeout": 3, "write_timeout": 3}
    # What retries, which wait in queues of their own, come back through.
    CELERY_TASK_DEFAULT_EXCHANGE_TYPE = "topic"
{% endif %}

# The broker may be away: who queues a task hears of it soon, workers wait for it to come back.
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_max": 0}

# Queues by name, of this service alone, as other services may use the same broker. A worker takes
# from all of them, or from those that its `--queues` names; a queue that is not here is refused.
CELERY_TASK_DEFAULT_QUEUE = "{{ cookiecutter.project_slug }}"
IMAGES_QUEUE = f"{CELERY_TASK_DEFAULT_QUEUE}-images"
{% if cookiecutter.celery_broker == "redis" %}
CELERY_TASK_QUEUES: dict[str, dict[str, Any]] = {
    CELERY_TASK_DEFAULT_QUEUE: {},
    IMAGES_QUEUE: {},
}
{% else %}
# Quorum queues are on disk, and on most servers of a cluster: they outlive a crash.
QUORUM = {"queue_arguments": {"x-queue-type": "quorum"}}
CELERY_TASK_QUEUES: dict[str, dict[str, Any]] = {
    CELERY_TASK_DEFAULT_QUEUE: QUORUM,
    IMAGES_QUEUE: QUORUM,
}
{% endif %}
CELERY_TASK_CREATE_MISSING_QUEUES = False

# What takes long, beside the queue for the rest.
CELERY_TASK_ROUTES = {"apps.images.tasks.resize": {"queue": IMAGES_QUEUE}}

# A task is off the queue when it is done, so one whose worker vanished is done again: it has to
# come to the same result then. A worker takes what it works on, and leaves the rest to others.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True

# How long a task may run, in seconds: then SoftTimeLimitExceeded is raised in it, and a little
# later it is killed.
CELERY_TASK_SOFT_TIME_LIMIT = 60
CELERY_TASK_TIME_LIMIT = 75

# Tasks write down themselves what came of them; what nobody reads is not kept.
CELERY_TASK_IGNORE_RESULT = True

# Worker processes, where the system can fork. Each is replaced after some tasks, for what a
# library leaks.
CELERY_WORKER_POOL = "solo" if sys.platform == "win32" else "prefork"
CELERY_WORKER_CONCURRENCY = WORKERS
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000

# How long a worker that is told to stop goes on with its tasks, in seconds, before it gives them
# back to the queue. With REMAP_SIGTERM=SIGQUIT in its environment, as in the justfile.
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = SHUTDOWN_TIMEOUT

# What is done again and again, by `celery beat`, which keeps no file of when it was last.
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "images": {"task": "apps.images.tasks.sweep", "schedule": timedelta(minutes=1)},
}

# Images
# ------------------------------------------------------------------------------

# What may be sent, in pixels; in bytes, see MAX_BODY_SIZES. One of that many takes a worker about
# 5 bytes of memory for each.
IMAGES_MAX_PIXELS = 64_000_000

# The longer sides of what an image is made into, in pixels; none is made larger than it is.
IMAGES_SIZES = [320, 640, 1280]

# After how many seconds without progress an image is queued again: longer than a worker may take.
# And how often a worker may begin with it.
IMAGES_STUCK_AFTER = 5 * 60
IMAGES_MAX_TRIES = 3

# What is told of the progress of an image.
{% if cookiecutter.use_sse %}
IMAGES_PROGRESS: str | None = "apps.events.services.publish_sync"
{% else %}
IMAGES_PROGRESS: str | None = None
{% endif %}

{% endif %}
# Callers from elsewhere
# ------------------------------------------------------------------------------

# Paths, by their beginning, whose errors are problem details (RFC 9457), whoever asks; elsewhere
# they are for those who do not accept HTML.
{% if cookiecutter.use_sse %}
API_PATHS = ["/api/", "/events/"]
{% else %}
API_PATHS = ["/api/"]
{% endif %}

# Paths, by their beginning, that ask for a bearer token which the upstream `auth` verifies, such
# as "/api/orders/". None: requests do not pass that middleware at all.
EXTERNAL_AUTH_PATHS: list[str] = []

# Users
# https://docs.djangoproject.com/en/6.1/topics/auth/
# ------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "dashboard:page"
LOGOUT_REDIRECT_URL = "dashboard:page"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    # What a password was stored with elsewhere; it is stored anew when its user logs in.
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# Logging in: an address that failed this often has to wait, whichever names it tried.
# https://django-axes.readthedocs.io/en/latest/4_configuration.html
AUTHENTICATION_BACKENDS = [
    "apps.accounts.backends.LimitedLogins",
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = 20
AXES_COOLOFF_TIME = timedelta(minutes=10)
AXES_LOCKOUT_PARAMETERS = ["ip_address"]
AXES_LOCKOUT_TEMPLATE = "accounts/locked_out.html"
AXES_DISABLE_ACCESS_LOG = True

# Language and time
# ------------------------------------------------------------------------------

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = True

{% if cookiecutter.celery_broker != "none" %}
# What people send, in a folder that the service and its workers share
# ------------------------------------------------------------------------------

MEDIA_URL = "media/"
MEDIA_ROOT = env.str("MEDIA_ROOT", str(BASE_DIR / "media"))

{% endif %}
# Static files, served by the service itself through ServeStatic
# ------------------------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # Compressed and named by their content by collectstatic, so browsers keep them for good.
    "staticfiles": {"BACKEND": "servestatic.storage.CompressedManifestStaticFilesStorage"},
}

# Security
# https://docs.djangoproject.com/en/6.1/topics/security/
# ------------------------------------------------------------------------------

# Where the admin is, without a slash at its beginning.
ADMIN_PATH = env.str(
    "DJANGO_ADMIN_PATH",
    "admin/",
    validate=validate.Regexp(r"([A-Za-z0-9_-]+/)+", error="Looks like `admin/`."),
)

# A script or style inside a page needs the attribute `nonce`, with `csp_nonce` as its value.
SECURE_CSP = {
    "default-src": [CSP.SELF],
    "script-src": [CSP.SELF, CSP.NONCE],
    "style-src": [CSP.SELF, CSP.NONCE],
    "frame-ancestors": [CSP.NONE],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "object-src": [CSP.NONE],
}
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "core.errors.csrf_failure"

# What no page of this service does, scripts from elsewhere on it included.
PERMISSIONS_POLICY: dict[str, list[str]] = {
    feature: []
    for feature in ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")
}

# Messages are kept in the session: a cookie of their own would lack the `__Host-` prefix.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# Logging
# ------------------------------------------------------------------------------

LOG_FORMAT = env.str(
    "LOG_FORMAT",
    "json",
    validate=validate.OneOf(["json", "console"], error="Either json or console."),
)
LOG_LEVEL = env.log_level("LOG_LEVEL", logging.INFO)

# The servers write through this too; core/request_log.py has a line per request in place of theirs.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": "core.logging.json_formatter"},
        "console": {"()": "core.logging.console_formatter"},
    },
    "filters": {"only_tracebacks": {"()": "core.logging.OnlyTracebacks"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "level": LOG_LEVEL}
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        # A status is in the line of its request already.
        "django.request": {"filters": ["only_tracebacks"]},
        # Anybody can cause these, as often as they like.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        "django.security.RequestDataTooBig": {"level": "CRITICAL"},
{% if cookiecutter.server != "uvicorn" %}
        "gunicorn.error": {"handlers": [], "propagate": True},
{% endif %}
        "uvicorn": {"handlers": [], "propagate": True},
        "uvicorn.error": {"handlers": [], "propagate": True},
        "uvicorn.access": {"handlers": [], "propagate": False},
        # Several lines for each attempt to log in, and its version with every command.
        "axes": {"level": "WARNING"},
        # One line per upstream call is too much for every request.
        "httpx": {"level": "WARNING"},
        # What is tried again core.upstreams says itself, with the name of the upstream.
        "stamina": {"level": "ERROR"},
    },
}
