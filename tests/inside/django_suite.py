"""Run Django's own tests against a rendered project's `core.lean`: `python django_suite.py MODULE…`.

Runs in the folder of Django's tests, with the project on PYTHONPATH. Puts the lean handler and
middleware in the place of Django's before a test is loaded, and says how often each was called.
"""

import atexit
import importlib
import runpy
import sys
from collections import Counter
from typing import Any

import django

calls: Counter[str] = Counter()
plain_setup = django.setup


def setup_with_lean(**arguments: Any) -> None:
    django.setup = plain_setup
    plain_setup(**arguments)
    from core.lean import middleware
    from core.lean.handler import LeanASGIHandler
    from django.core import asgi
    from django.core.handlers import asgi as handlers

    for path in middleware.LEAN_MIDDLEWARE:
        module, _, name = path.rpartition(".")
        setattr(importlib.import_module(module), name, getattr(middleware, name))
    handlers.ASGIHandler = asgi.ASGIHandler = LeanASGIHandler
    count(LeanASGIHandler, "handle")
    count(middleware.InlineHooks, "__acall__")


def count(owner: type, name: str) -> None:
    method = getattr(owner, name)

    async def counted(self: Any, *arguments: Any) -> Any:
        calls[type(self).__name__] += 1
        return await method(self, *arguments)

    setattr(owner, name, counted)


@atexit.register
def report() -> None:
    print("Lean calls:", dict(calls))


if __name__ == "__main__":
    django.setup = setup_with_lean
    sys.argv = ["runtests.py", "--settings=test_sqlite", "--parallel=1", *sys.argv[1:]]
    sys.path.insert(0, ".")
    runpy.run_path("runtests.py", run_name="__main__")
