"""Static files, each read in one go on one thread."""

import asyncio

from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from servestatic.middleware import ServeStaticMiddleware
from servestatic.responders import StaticFile

READ_AT_ONCE = 1_000_000
"""Bytes up to which a file is sent as a whole."""


class StaticFilesMiddleware(ServeStaticMiddleware):  # type: ignore[misc]
    """ServeStatic's own starts a thread for each response, and waits for it for each 8 kB."""

    def add_files_from_finders(self) -> None:
        """List the files, or, where each is looked for when it is asked for, only their folders."""
        if not self.autorefresh:
            super().add_files_from_finders()
            return
        for finder in finders.get_finders():
            for storage in getattr(finder, "storages", {}).values():
                self.insert_directory(storage.location, self.static_prefix)

    @staticmethod
    async def aserve(static_file: StaticFile, request: HttpRequest) -> HttpResponseBase:
        response = await asyncio.to_thread(_read, static_file, request)
        return response or await ServeStaticMiddleware.aserve(static_file, request)


def _read(static_file: StaticFile, request: HttpRequest) -> HttpResponse | None:
    found = static_file.get_response(request.method or "GET", request.META)
    response = HttpResponse(status=found.status)
    del response["Content-Type"]
    for name, value in found.headers:
        if value is not None:
            response[name] = value
    if found.file is not None:
        with found.file as file:
            if int(response["Content-Length"]) > READ_AT_ONCE:
                return None
            response.content = file.read()
    return response
