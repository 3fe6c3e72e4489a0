"""Putting tasks into their queue, without holding the event loop up and with an end to it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from celery import Task
from celery.utils import uuid
from django.db import transaction
from kombu.exceptions import OperationalError

TIMEOUT = 3.0
"""Seconds after which the queue counts as unavailable."""
THREADS = 8
"""How many tasks a process may put into their queues at once."""

_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="enqueue")


class QueueUnavailableError(Exception):
    """The broker cannot be reached, or did not answer in time."""


async def enqueue[**P](task: Task[P, Any], *args: P.args, **kwargs: P.kwargs) -> str:
    """Queue a task from async code and return its id.

    At once: async code has no transaction that it could wait for.

    Raises:
        QueueUnavailableError: the task was not queued, or at least nobody said that it was.
    """
    task_id = uuid()
    loop = asyncio.get_running_loop()
    publish = partial(_publish, task, task_id, args, kwargs)
    try:
        async with asyncio.timeout(TIMEOUT):
            await loop.run_in_executor(_threads, publish)
    except TimeoutError as error:
        raise QueueUnavailableError(f"The broker did not answer for {TIMEOUT:g} s.") from error
    return task_id


def enqueue_sync[**P](task: Task[P, Any], *args: P.args, **kwargs: P.kwargs) -> str:
    """Queue a task from sync code, as soon as the transaction is committed, and return its id.

    Raises:
        QueueUnavailableError: as `enqueue` does; where the transaction ends, if there is one.
    """
    task_id = uuid()
    transaction.on_commit(partial(_publish, task, task_id, args, kwargs))
    return task_id


def _publish(task: Task[..., Any], task_id: str, args: Any, kwargs: Any) -> None:
    try:
        task.apply_async(args, kwargs, task_id=task_id)
    except OperationalError as error:
        raise QueueUnavailableError(f"The broker cannot be reached: {error}") from error
