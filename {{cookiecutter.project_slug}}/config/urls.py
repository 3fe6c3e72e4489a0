"""The routes: each app brings its own."""

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("apps.dashboard.urls")),
    path("api/orders/", include("apps.orders.urls")),
{% if cookiecutter.celery_broker != "none" %}
    path("", include("apps.images.urls")),
{% endif %}
{% if cookiecutter.use_sse %}
    path("events/", include("apps.events.urls")),
{% endif %}
    path("", include("apps.accounts.urls")),
    path(settings.ADMIN_PATH, admin.site.urls),
]

# Development only: the switches that break and slow the stub upstreams.
if apps.is_installed("stubs"):
    urlpatterns.append(path("stubs/", include("stubs.urls")))

# Errors, as problem details or as a page.
handler400 = "core.errors.bad_request"
handler403 = "core.errors.permission_denied"
handler404 = "core.errors.not_found"
handler500 = "core.errors.server_error"
