"""The garbage collector, for as long as a process answers requests."""

import gc

from core.collector import THRESHOLDS, seldom


async def test_what_the_start_has_made_is_left_out_of_collections() -> None:
    thresholds = gc.get_threshold()

    await seldom.get()
    try:
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold() == THRESHOLDS
    finally:
        await seldom.close()

    assert gc.get_freeze_count() == 0
    assert gc.get_threshold() == thresholds
