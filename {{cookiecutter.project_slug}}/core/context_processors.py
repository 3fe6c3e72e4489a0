"""What every template may use."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def service(request: HttpRequest) -> dict[str, Any]:
    """The service's name, for titles and headings, and the pages to link to."""
    return {"service_name": settings.SERVICE_NAME, "navigation": settings.NAVIGATION}
