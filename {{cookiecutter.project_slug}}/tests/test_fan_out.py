"""Several upstreams at once, under one deadline."""

import asyncio
import logging

import pytest
from conftest import Stubs

from core.upstreams import Reason, UpstreamError, fan_out, fetch


async def test_a_required_part_that_fails_ends_the_others(stubs: Stubs) -> None:
    await stubs.tell("users", status=500)
    cancelled = asyncio.Event()

    async def slow() -> dict[str, object]:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return {}

    with pytest.raises(UpstreamError, match="users") as caught:
        await fan_out(required={"users": fetch("users"), "slow": slow()}, deadline=10)

    assert caught.value.failure.reason is Reason.STATUS
    assert cancelled.is_set()


async def test_the_deadline_costs_only_the_parts_that_are_late() -> None:
    async def quick() -> str:
        return "here"

    async def late() -> str:
        await asyncio.sleep(30)
        return "too late"

    result = await fan_out(optional={"quick": quick(), "late": late()}, deadline=0.05)

    assert result.data == {"quick": "here", "late": None}
    assert result.failures["late"].reason is Reason.DEADLINE


async def test_a_required_part_that_is_late_raises() -> None:
    async def late() -> None:
        await asyncio.sleep(30)

    with pytest.raises(UpstreamError, match="late") as caught:
        await fan_out(required={"late": late()}, deadline=0.05)

    assert caught.value.failure.reason is Reason.DEADLINE


async def test_a_bug_costs_its_own_part_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def good() -> int:
        return 1

    async def buggy() -> int:
        raise KeyError("oops")

    with caplog.at_level(logging.ERROR):
        result = await fan_out(optional={"good": good(), "buggy": buggy()}, deadline=1)

    assert result.data == {"good": 1, "buggy": None}
    assert result.failures["buggy"].reason is Reason.INVALID
    assert "KeyError: 'oops'" in caplog.text


async def test_cancelling_a_fan_out_cancels_its_parts() -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def part() -> None:
        started.set()
        try:
            await asyncio.sleep(30)
        finally:
            cancelled.set()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(fan_out(optional={"part": part()}, deadline=10))
        await started.wait()
        task.cancel()

    assert cancelled.is_set()


async def test_a_call_takes_no_longer_than_the_deadline_leaves(stubs: Stubs) -> None:
    await stubs.tell("users", delay=30)

    result = await fan_out(optional={"users": fetch("users")}, deadline=0.1)

    assert result.failures["users"].reason is Reason.DEADLINE
