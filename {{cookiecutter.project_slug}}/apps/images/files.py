"""Where the files of an image are: a folder of its own in the default storage.

Their names are made here, never by who sends an image, and are the same each time it is worked on.
"""

from collections.abc import Collection
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from apps.images.models import Leftover

ORIGINAL = "original"
"""What was sent: there while a worker needs it, and never served."""


def path(image_id: UUID, name: str) -> str:
    """Return where the storage has a file."""
    return f"images/{image_id}/{name}"


def write(image_id: UUID, name: str, content: Any) -> None:
    """Write a file, in place of one that an earlier try left."""
    file = ContentFile(content) if isinstance(content, bytes) else content
    default_storage.delete(path(image_id, name))
    default_storage.save(path(image_id, name), file)


def read(image_id: UUID, name: str) -> bytes:
    """Return a file's content.

    Raises:
        FileNotFoundError: it is not there.
    """
    with default_storage.open(path(image_id, name)) as file:
        content: bytes = file.read()
        return content


def remove(image_id: UUID, but: Collection[str] = ()) -> None:
    """Remove all files of an image, or all but these."""
    folder = path(image_id, "").rstrip("/")
    with suppress(FileNotFoundError):
        _, names = default_storage.listdir(folder)
        for name in set(names) - set(but):
            default_storage.delete(path(image_id, name))
    if not but:
        with suppress(OSError):  # a worker that does not know yet may have written one more
            default_storage.delete(folder)


def remove_with_row(instance: Any, **kwargs: Any) -> None:
    """Note, along with the deletion of a row, that its files have to go; then remove them.

    Where that fails, or the process dies before it, the note stays for `apps.images.tasks.sweep`.
    """
    Leftover.objects.get_or_create(image_id=instance.pk)
    transaction.on_commit(partial(remove_leftover, instance.pk))


def remove_leftover(image_id: UUID) -> None:
    """Remove the files of an image that was deleted, and the note of them."""
    remove(image_id)
    Leftover.objects.filter(image_id=image_id).delete()
