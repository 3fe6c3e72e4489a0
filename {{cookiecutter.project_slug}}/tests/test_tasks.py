"""Tasks: queued without holding up the event loop, run by a worker, refused where they cannot work."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from celery import current_app, shared_task
from celery.contrib.testing.worker import start_worker
from celery.exceptions import QueueNotFound
from celery.signals import after_task_publish
from django.conf import settings
from django.core import checks
from django.core.exceptions import SynchronousOnlyOperation
from django.db import transaction

from apps.images.tasks import resize
from core.logging import bind_request_id, request_id
from core.tasks import enqueue, enqueue_sync

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 20.0
"""Seconds after which a test fails that waits for a worker."""

seen: list[tuple[int, str]] = []


@shared_task(name="tests.note")
def note(number: int) -> None:
    """Note a number, and for which request."""
    seen.append((number, request_id()))


@pytest.fixture(autouse=True)
def queued() -> Iterator[list[str]]:
    """For each task that the broker took, be that a folder or what CELERY_BROKER_URL names, its queue."""
    taken: list[str] = []

    def note_queue(routing_key: str, **kwargs: Any) -> None:
        taken.append(routing_key)

    seen.clear()
    current_app.control.purge()
    after_task_publish.connect(note_queue)
    yield taken
    after_task_publish.disconnect(note_queue)
    current_app.control.purge()


@pytest.fixture
def registered() -> Iterator[Callable[..., None]]:
    """Makes a function a task until the test is over."""
    names = []

    def register(function: Any, **options: Any) -> None:
        task: Any = current_app.task
        task(name=f"tests.{function.__name__}", **options)(function)
        names.append(f"tests.{function.__name__}")

    yield register
    for name in names:
        current_app.tasks.pop(name)


def work() -> None:
    """Run a worker until it has done something."""
    give_up = time.monotonic() + PATIENCE
    with start_worker(current_app, pool="solo", perform_ping_check=False):
        while not seen:
            assert time.monotonic() < give_up, "No worker took the task."
            time.sleep(0.05)


async def test_a_task_is_run_for_the_request_that_queued_it() -> None:
    with bind_request_id("request-7"):
        await enqueue(note, 1)

    await sync_to_async(work)()

    assert seen == [(1, "request-7")]


async def test_celerys_own_way_to_queue_is_refused_on_the_event_loop() -> None:
    with pytest.raises(SynchronousOnlyOperation, match=r"await core\.tasks\.enqueue"):
        note.delay(1)


def test_sync_code_queues_when_its_transaction_is_committed(queued: list[str]) -> None:
    with transaction.atomic():
        enqueue_sync(note, 1)
        assert queued == []

    assert queued == [settings.CELERY_TASK_DEFAULT_QUEUE]


def test_a_transaction_that_is_rolled_back_queues_nothing(queued: list[str]) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        enqueue_sync(note, 1)
        raise ZeroDivisionError

    assert queued == []


def test_what_takes_long_waits_beside_the_rest(queued: list[str]) -> None:
    enqueue_sync(resize, str(uuid4()))

    assert len(queued) == 1
    assert queued[0] in settings.CELERY_TASK_QUEUES
    assert queued[0] != settings.CELERY_TASK_DEFAULT_QUEUE


def test_a_queue_that_no_worker_takes_from_is_refused() -> None:
    with pytest.raises(QueueNotFound, match="elsewhere"):
        note.apply_async((1,), queue="elsewhere")


@pytest.mark.parametrize("url", ["", "http://localhost"])
def test_an_address_that_is_no_brokers_is_named_without_a_traceback(url: str) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=Path(__file__).parent.parent,
        env=os.environ
        | {"CELERY_BROKER_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings.local"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )

    assert done.returncode != 0
    assert "CELERY_BROKER_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_check_finds_a_task_that_would_never_run(registered: Callable[..., None]) -> None:
    async def forgotten() -> None: ...

    registered(forgotten)

    assert [error.id for error in checks.run_checks()] == ["core.E005"]


def test_a_check_finds_a_task_that_is_given_out_twice(
    registered: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def long() -> None: ...

    registered(long, time_limit=3600)
    options = current_app.conf.broker_transport_options
    monkeypatch.setitem(options, "visibility_timeout", 3600)

    [error] = checks.run_checks()

    assert error.id == "core.E006"
    assert "tests.long" in error.msg
