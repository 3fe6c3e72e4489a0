"""Putting tasks into their queue: never on the event loop, and with an end to it."""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any

from celery import Task
from celery.utils import uuid
from django.db import transaction
from kombu.exceptions import OperationalError

TIMEOUT = 3.0
"""Seconds after which the queue counts as unavailable."""
NO_ANSWER = f"The broker did not answer for {TIMEOUT:g} s."
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
    task_id = uuid()
    try:
        async with asyncio.timeout(TIMEOUT):
            await asyncio.wrap_future(_publishing(task, task_id, args, kwargs))
    except TimeoutError as error:
        raise QueueUnavailableError(NO_ANSWER) from error
    return task_id


def enqueue_sync[**P](task: Task[P, Any], *args: P.args, **kwargs: P.kwargs) -> str:
    """Queue a task from sync code, once the transaction is committed, and return its id.

    Raises:
        QueueUnavailableError: nobody said within `TIMEOUT` that it is queued. Inside a transaction
            this is raised where that ends, after the commit.
    """
    task_id = uuid()
    transaction.on_commit(partial(_publish_in_time, task, task_id, args, kwargs))
    return task_id


def _publish_in_time(task: Task[..., Any], task_id: str, args: Any, kwargs: Any) -> None:
    publishing = _publishing(task, task_id, args, kwargs)
    try:
        publishing.result(TIMEOUT)
    except TimeoutError as error:
        publishing.cancel()
        raise QueueUnavailableError(NO_ANSWER) from error


def _publishing(task: Task[..., Any], task_id: str, args: Any, kwargs: Any) -> Future[None]:
    return _threads.submit(copy_context().run, _publish, task, task_id, args, kwargs)


def _publish(task: Task[..., Any], task_id: str, args: Any, kwargs: Any) -> None:
    try:
        task.apply_async(args, kwargs, task_id=task_id)
    except OperationalError as error:
        raise QueueUnavailableError(f"The broker could not be reached: {error}") from error
