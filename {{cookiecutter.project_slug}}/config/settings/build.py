"""What the build of the image collects the static files with: no secret, no other service."""

from config.settings.base import *  # noqa: F403

SECRET_KEY = "signs nothing"  # noqa: S105
