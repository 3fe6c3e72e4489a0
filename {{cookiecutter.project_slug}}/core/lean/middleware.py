"""Django's own middleware with the hooks that cannot block called on the event loop.

`MiddlewareMixin` sends every hook to a thread, though most only look at headers and set some. The
classes here differ from Django's of the same name in that alone; they send a hook to the thread
where it can read or write the session, or read a body. What is lazy holds its request by a weak
reference: a request that leads back to itself would stay until the garbage collector comes by.
"""

import weakref
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.messages.storage import default_storage
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware import clickjacking, common, csp, csrf, http, locale, security
from django.utils.deprecation import MiddlewareMixin
from django.utils.functional import SimpleLazyObject, empty

# RFC 9110, section 9.2.1
SAFE_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}


class InlineHooks(MiddlewareMixin):
    """Calls `process_request` and `process_response` where they are, without a thread."""

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        hooks: Any = self
        response = None
        if hasattr(hooks, "process_request"):
            response = hooks.process_request(request)
        response = response or await hooks.get_response(request)
        if hasattr(hooks, "process_response"):
            if self.response_may_block(request):
                response = await sync_to_async(hooks.process_response)(request, response)
            else:
                response = hooks.process_response(request, response)
        answer: HttpResponseBase = response
        return answer

    def response_may_block(self, request: HttpRequest) -> bool:
        """Say whether `process_response` needs a thread for this request."""
        return False


class SecurityMiddleware(InlineHooks, security.SecurityMiddleware):
    """Redirects to HTTPS and sets headers."""


class ContentSecurityPolicyMiddleware(InlineHooks, csp.ContentSecurityPolicyMiddleware):
    """Sets headers."""


class CommonMiddleware(InlineHooks, common.CommonMiddleware):
    """Checks the host, redirects and sets headers."""


class ConditionalGetMiddleware(InlineHooks, http.ConditionalGetMiddleware):
    """Sets headers."""


class LocaleMiddleware(InlineHooks, locale.LocaleMiddleware):
    """Activates a language and sets headers."""


class XFrameOptionsMiddleware(InlineHooks, clickjacking.XFrameOptionsMiddleware):
    """Sets a header."""


class AuthenticationMiddleware(InlineHooks, auth.AuthenticationMiddleware):
    """Sets a lazy user, which is loaded only when it is asked for."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(weakref.proxy(request))


class SessionMiddleware(InlineHooks, sessions.SessionMiddleware):
    """Sets a lazy session, and saves it on a thread when it was modified."""

    def response_may_block(self, request: HttpRequest) -> bool:
        session = getattr(request, "session", None)
        return settings.SESSION_SAVE_EVERY_REQUEST or getattr(session, "modified", False)


class MessageMiddleware(InlineHooks, messages.MessageMiddleware):
    """Makes a message storage when somebody asks for it, and then updates it on a thread."""

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        weak = weakref.proxy(request)
        untouched = SimpleLazyObject(lambda: default_storage(weak))
        request._messages = untouched  # type: ignore[attr-defined]
        response = await cast("Any", self.get_response)(request)
        if getattr(request, "_messages", None) is not untouched or untouched._wrapped is not empty:
            response = await sync_to_async(self.process_response)(request, response)
        answer: HttpResponseBase = response
        return answer


class CsrfViewMiddleware(InlineHooks, csrf.CsrfViewMiddleware):
    """Compares tokens, on a thread when they are in a body or in the session."""

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        if self.async_mode:
            # The handler calls what it finds under this name; a sync hook it sends to a thread.
            self.__dict__["process_view"] = self.aprocess_view

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.CSRF_USE_SESSIONS:
            return await MiddlewareMixin.__acall__(self, request)
        return await super().__acall__(request)

    async def aprocess_view(
        self, request: HttpRequest, callback: Any, arguments: Any, keywords: Any
    ) -> HttpResponseBase | None:
        """Do what `process_view` does, on the event loop if there is nothing to compare."""
        check = super().process_view
        if request.method in SAFE_METHODS and not settings.CSRF_USE_SESSIONS:
            return check(request, callback, arguments, keywords)
        return await sync_to_async(check)(request, callback, arguments, keywords)


LEAN_MIDDLEWARE = {
    f"{django_class.__module__}.{django_class.__name__}": f"{__name__}.{lean_class.__name__}"
    for lean_class in InlineHooks.__subclasses__()
    for django_class in lean_class.__bases__
    if django_class is not InlineHooks
}
"""Where the lean version is, by the name that the settings have for Django's own."""
