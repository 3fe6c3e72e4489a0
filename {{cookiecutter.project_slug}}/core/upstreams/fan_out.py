"""Several upstreams at once, under one deadline."""

import asyncio
import logging
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.upstreams import context
from core.upstreams.failures import Failure, Reason, UpstreamError

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class FanOut[T]:
    """What a fan-out brought back.

    Attributes:
        data: each part's answer by name, in the order asked for; None where it failed.
        failures: why, for the parts that failed.
        elapsed: seconds that it took.
    """

    data: dict[str, T | None]
    failures: dict[str, Failure] = field(default_factory=dict)
    elapsed: float = 0.0


async def fan_out[T](
    *,
    required: Mapping[str, Coroutine[Any, Any, T]] | None = None,
    optional: Mapping[str, Coroutine[Any, Any, T]] | None = None,
    deadline: float,
) -> FanOut[T]:
    """Run all parts at the same time and wait for them, `deadline` seconds at most.

    An optional part that fails costs itself only, even when it fails with a bug, which is logged
    with its traceback. A required part that fails ends the others at once. Cancelling the call
    cancels every part.

    Raises:
        UpstreamError: a required part failed, or was not done by the deadline.
    """
    required = required or {}
    optional = optional or {}
    result: FanOut[T] = FanOut(data=dict.fromkeys([*required, *optional]))
    started = time.perf_counter()
    waiting = set(result.data)

    async def run_required(name: str, part: Coroutine[Any, Any, T]) -> None:
        result.data[name] = await part
        waiting.discard(name)

    async def run_optional(name: str, part: Coroutine[Any, Any, T]) -> None:
        try:
            result.data[name] = await part
        except UpstreamError as error:
            result.failures[name] = error.failure
        except Exception:
            logger.exception("Part '%s' of a fan-out failed unexpectedly", name)
            result.failures[name] = Failure(Reason.INVALID, "An unexpected error; see the log.")
        waiting.discard(name)

    try:
        with context.deadline(deadline):
            async with asyncio.timeout(deadline), asyncio.TaskGroup() as group:
                for name, part in required.items():
                    group.create_task(run_required(name, part), name=name)
                for name, part in optional.items():
                    group.create_task(run_optional(name, part), name=name)
    except TimeoutError:
        pass
    except ExceptionGroup as errors:
        # Only required parts raise, and the first to do so ended the others.
        raise errors.exceptions[0] from None
    finally:
        # A part that was cancelled before it started would be "never awaited".
        for part in [*required.values(), *optional.values()]:
            part.close()

    for name in result.data:
        if name in waiting:
            detail = f"Not done within the {deadline:g} s for all parts."
            if name in required:
                raise UpstreamError(name, Reason.DEADLINE, detail)
            result.failures[name] = Failure(Reason.DEADLINE, detail)
    result.elapsed = time.perf_counter() - started
    return result
