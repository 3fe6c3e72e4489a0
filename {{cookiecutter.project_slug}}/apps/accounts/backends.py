"""How users are authenticated, beside Django's own way."""

from typing import Any

from asgiref.sync import sync_to_async
from axes.backends import AxesStandaloneBackend


class LimitedLogins(AxesStandaloneBackend):  # type: ignore[misc]
    """Refuses an address that failed to log in too often, before a password is looked at.

    The limits are the settings that begin with `AXES_`.
    """

    async def aauthenticate(self, request: Any, **credentials: Any) -> None:
        """Do the same for async code, of which django-axes knows nothing."""
        await sync_to_async(self.authenticate)(request, **credentials)
