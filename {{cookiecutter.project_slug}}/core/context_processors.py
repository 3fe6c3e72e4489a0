"""What every template may use."""

from django.conf import settings
from django.http import HttpRequest


def service(request: HttpRequest) -> dict[str, str]:
    """The service's name, for titles and headings."""
    return {"service_name": settings.SERVICE_NAME}
