"""The ASGI entrypoint: `uvicorn config.asgi:application`."""

import os

from core.asgi import Lifespan
from core.lean import get_asgi_application
from core.upstreams import connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
application = Lifespan(get_asgi_application(), shared=[connections])
