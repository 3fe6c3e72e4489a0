"""In development, what holds the event loop is told with its stack."""

import asyncio
import logging
import threading
import time

import pytest
from pytest_django import Settings

from core.loop_watch import loop_watch


def hold_the_loop() -> None:
    """Compute for longer than the loop may be held."""
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        pass


async def test_what_holds_the_event_loop_is_told_with_its_stack(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DEBUG = True
    await loop_watch.get()

    hold_the_loop()
    async with asyncio.timeout(5):
        while "in hold_the_loop" not in caplog.text:
            await asyncio.sleep(0.01)
    await loop_watch.close()

    assert "The event loop was held for" in caplog.text
    assert caplog.records[-1].levelno == logging.WARNING


async def test_a_loop_that_only_waits_is_not_told(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DEBUG = True
    await loop_watch.get()

    await asyncio.sleep(0.3)
    await asyncio.to_thread(hold_the_loop)
    await loop_watch.close()

    assert "in hold_the_loop" not in caplog.text


async def test_without_debug_nothing_watches() -> None:
    await loop_watch.get()

    assert "loop_watch" not in {thread.name for thread in threading.enumerate()}
    await loop_watch.close()
