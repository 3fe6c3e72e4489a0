"""Whether this request has a thread: the one place that looks at asgiref's internals."""

from asgiref.sync import AsyncToSync, SyncToAsync, sync_to_async
from django.db import connections


def can_be_seen() -> bool:
    """Say whether this release of asgiref keeps its threads where they are looked for here."""
    return (
        hasattr(SyncToAsync, "thread_sensitive_context")
        and hasattr(SyncToAsync, "context_to_thread_executor")
        and hasattr(AsyncToSync, "executors")
    )


def in_use() -> bool:
    """Say whether sync code of this request has run, or would run, on a thread that exists."""
    if getattr(AsyncToSync.executors, "current", None):
        return True
    context = SyncToAsync.thread_sensitive_context.get(None)
    return context is None or context in SyncToAsync.context_to_thread_executor


async def release() -> None:
    """Give this request's thread back, its database connections closed; a later need makes one."""
    context = SyncToAsync.thread_sensitive_context.get(None)
    if context is None or context not in SyncToAsync.context_to_thread_executor:
        return
    await sync_to_async(connections.close_all)()
    executor = SyncToAsync.context_to_thread_executor.pop(context, None)
    if executor is not None:
        executor.shutdown(wait=False)
