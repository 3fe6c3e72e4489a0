"""What comes along with a task, the id of the request that it is done for; and a worker's log."""

import logging
from contextlib import AbstractContextManager
from typing import Any

from celery import Task
from celery.signals import (
    before_task_publish,
    celeryd_init,
    setup_logging,
    task_postrun,
    task_prerun,
)

from core.logging import bind_request_id, request_id

logger = logging.getLogger(__name__)

HEADER = "request_id"

_bound: dict[str, AbstractContextManager[None]] = {}


@before_task_publish.connect
def send_request_id(headers: dict[str, Any], **kwargs: Any) -> None:
    """Write the id into the message; a task that no request asked for lends it its own."""
    headers[HEADER] = request_id() or headers["id"]


@task_prerun.connect
def take_request_id(task_id: str, task: Task[..., Any], **kwargs: Any) -> None:
    """Work for that request from here on: log lines and calls to upstreams carry its id."""
    bound = bind_request_id(getattr(task.request, HEADER, task_id))
    bound.__enter__()
    _bound[task_id] = bound


@task_postrun.connect
def leave_request_id(task_id: str, **kwargs: Any) -> None:
    """The end of it."""
    if task_id in _bound:
        _bound.pop(task_id).__exit__(None, None, None)


@setup_logging.connect
def keep_logging(**kwargs: Any) -> None:
    """Leave logging as `LOGGING` has it: Celery sets up its own only if nobody answers."""


@celeryd_init.connect
def say_through_the_log(**kwargs: Any) -> None:
    """Log what a worker would print, past its log, when it gets a signal."""
    from celery.apps import worker  # too much for those who only queue

    worker.safe_say = lambda message, *args: logger.info(message)  # type: ignore[attr-defined]
