"""Work for other processes: `await enqueue(resize, image.pk)` from async code, `enqueue_sync` from sync.

A task is a sync function in an app's `tasks.py`, below Celery's `@shared_task`. Its own `.delay()`
opens sockets, and an event loop that calls it serves nobody meanwhile.
"""

from core.tasks.queue import QueueUnavailableError, enqueue, enqueue_sync

__all__ = ["QueueUnavailableError", "enqueue", "enqueue_sync"]
