"""Putting tasks into their queue: never on the event loop, and with an end to it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any

from celery import Task
from celery.utils import uuid
from django.db import transaction
from kombu.exceptions import OperationalError

TIMEOUT = 3.0
"""Seconds after which the queue counts as unavailable."""
THREADS = 8
"""How many tasks a process may be queueing at once; fewer than the connections that Celery keeps."""

# Of its own, so that a broker that hangs holds up nothing else that needs a thread.
_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="enqueue")


class QueueUnavailableError(Exception):
    """The broker could not be reached, or did not answer in time.

    The task may have been queued all the same: what it is about may be gone when it is run.
    """


async def enqueue[**P](task: Task[P, Any], *args: P.args, **kwargs: P.kwargs) -> str:
    """Queue a task from async code, at once, and return its id.

    There is no transaction to wait for: one does not span an `await`.

    Raises:
        QueueUnavailableError: nobody said within `TIMEOUT` that it is queued.
    """
    publish = partial(copy_context().run, _publish, task, uuid(), args, kwargs)
    try:
        async with asyncio.timeout(TIMEOUT):
            return await asyncio.get_running_loop().run_in_executor(_threads, publish)
    except TimeoutError as error:
        raise QueueUnavailableError(f"The broker did not answer for {TIMEOUT:g} s.") from error


def enqueue_sync[**P](task: Task[P, Any], *args: P.args, **kwargs: P.kwargs) -> str:
    """Queue a task from sync code, once the transaction is committed, and return its id.

    Raises:
        QueueUnavailableError: nobody said that it is queued. Inside a transaction this is raised
            where that ends, after the commit.
    """
    task_id = uuid()
    transaction.on_commit(partial(_publish, task, task_id, args, kwargs))
    return task_id


def _publish(task: Task[..., Any], task_id: str, args: Any, kwargs: Any) -> str:
    try:
        task.apply_async(args, kwargs, task_id=task_id)
    except OperationalError as error:
        raise QueueUnavailableError(f"The broker could not be reached: {error}") from error
    return task_id
