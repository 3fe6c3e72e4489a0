"""What `manage.py check` says of tasks."""

from collections.abc import Iterator
from inspect import iscoroutinefunction
from typing import Any

from celery import current_app
from django.core.checks import CheckMessage, Error, Tags, register

from core.tasks.task import Task


@register(Tags.async_support)
def async_tasks(**kwargs: Any) -> Iterator[CheckMessage]:
    """A task that is `async def`: Celery calls it, gets a coroutine, and says that all went well."""
    for name, task in _tasks():
        if iscoroutinefunction(task.run):
            yield Error(
                f"The task '{name}' is async: a worker would not run it, and call it a success.",
                hint="Make it a sync function. What has to be async goes through asyncio.run "
                "inside of it, and a call to an upstream through fetch_sync.",
                id="core.E005",
            )


@register()
def tasks_given_out_twice(**kwargs: Any) -> Iterator[CheckMessage]:
    """A task that may take longer than the broker waits until it gives it to another worker."""
    visibility = current_app.conf.broker_transport_options.get("visibility_timeout")
    if visibility is None:
        return
    for name, task in _tasks():
        # The worker that waits with a retry holds it as well.
        longest = max(task.retry_backoff_max, task.default_retry_delay) + (task.time_limit or 0)
        if not task.time_limit or longest >= visibility:
            yield Error(
                f"The task '{name}' may take {task.time_limit or 'any number of'} s, and wait for "
                f"its retry before; after {visibility} s it is given to another worker as well.",
                hint="Give it a time_limit, or set a longer visibility_timeout in "
                "CELERY_BROKER_TRANSPORT_OPTIONS.",
                id="core.E006",
            )


def _tasks() -> Iterator[tuple[str, Task]]:
    current_app.autodiscover_tasks(force=True)
    for name, task in sorted(current_app.tasks.items()):
        if isinstance(task, Task) and not name.startswith("celery."):
            yield name, task
