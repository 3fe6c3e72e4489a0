"""The WSGI entrypoint, for deployments that serve the admin alone.

Async views work here too, one at a time in each worker thread; `config.asgi` is what serves
them well.
"""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
application = get_wsgi_application()
