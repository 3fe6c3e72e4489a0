"""What every task of this service is, beyond Celery's own."""

from typing import Any

from celery.contrib.django.task import DjangoTask
from django.utils.asyncio import async_unsafe

CONFIRM_TIMEOUT = 3.0
"""Seconds that the broker has to confirm a task, where it does that."""


class Task(DjangoTask[..., Any]):
    """The base of every `@shared_task`.

    A task says which errors are worth another try, `@shared_task(autoretry_for=(OSError,))`; this
    says when: after 1, 2, 4, … seconds, at most `retry_backoff_max`, each shortened by chance so
    that those who failed together do not come back together.
    """

    retry_backoff = 1
    retry_backoff_max = 30
    retry_jitter = True
    max_retries = 5
    default_retry_delay = 5

    @async_unsafe("This opens sockets on the event loop. Use `await core.tasks.enqueue(task, …)`.")
    def apply_async(self, *args: Any, **options: Any) -> Any:
        """Queue the task, as `delay` does; `core.tasks` has better ways to."""
        return super().apply_async(*args, **{"confirm_timeout": CONFIRM_TIMEOUT} | options)
