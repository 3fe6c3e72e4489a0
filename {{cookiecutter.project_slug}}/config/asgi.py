"""The ASGI entrypoint: `uvicorn config.asgi:application`."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
django_application = get_asgi_application()

from core.asgi import Lifespan  # noqa: E402
from core.upstreams import connections  # noqa: E402

application = Lifespan(django_application, shared=[connections])
