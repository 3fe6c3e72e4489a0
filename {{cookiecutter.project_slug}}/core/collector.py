"""The garbage collector of a process that answers requests.

A request leaves no cycles behind, so there is little for the collector to find, and much to search:
a full collection holds every request up, for a third of a second beside 5,000 streams.
"""

import gc
from collections.abc import AsyncGenerator

from core.asgi import PerLoop

THRESHOLDS = (10_000, 20, 10)
"""After how many new objects, and collections of the generation below, one is collected."""


@PerLoop
async def seldom() -> AsyncGenerator[None]:
    """Leaves what the start has made out of all collections, and makes these fewer."""
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
