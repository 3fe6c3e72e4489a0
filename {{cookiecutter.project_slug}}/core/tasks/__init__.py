"""Work for other processes: `await enqueue(resize, image.pk)`, or `enqueue_sync` in sync code.

A task is a sync function below Celery's `@shared_task`, in the `tasks.py` of an app. It may be
run again, as when its worker was killed in the middle of it, and its queue may be unavailable.
"""

from core.tasks.queue import QueueUnavailableError, enqueue, enqueue_sync

__all__ = ["QueueUnavailableError", "enqueue", "enqueue_sync"]
