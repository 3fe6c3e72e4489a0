"""What can be done with images: sync functions, each one unit of work."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile

from apps.images import files, pictures
from apps.images.models import Image
from apps.images.pictures import InvalidImageError
from apps.images.tasks import resize
from core.tasks import QueueUnavailableError, enqueue_sync

__all__ = ["InvalidImageError", "QueueUnavailableError", "accept", "as_json", "delete", "find"]


def accept(upload: UploadedFile | None) -> Image:  # type: ignore[type-arg]
    """Check a file that was sent, keep it, and queue the work on it: all of this or nothing.

    Raises:
        InvalidImageError: it is not an image that can be taken.
        QueueUnavailableError: the work could not be queued.
    """
    if upload is None or not upload.size:
        raise InvalidImageError("empty", "Send one file, in the field `image`.")
    if upload.size > settings.IMAGES_MAX_BYTES:
        raise InvalidImageError("too_large", f"Send at most {settings.IMAGES_MAX_BYTES} bytes.")
    pictures.check(upload)
    # The row first: `sweep` finds it, and with it the file, should this process be killed here.
    image = Image.objects.create(name=(upload.name or "")[-255:])
    try:
        files.write(image.pk, files.ORIGINAL, upload)
        enqueue_sync(resize, str(image.pk))
    except BaseException:
        delete(image.pk)
        raise
    return image


def find(image_id: UUID) -> Image | None:
    """Return an image."""
    return Image.objects.filter(pk=image_id).first()


def delete(image_id: UUID) -> bool:
    """Delete an image and its files, also while a worker is at it; say whether there was one."""
    return Image.objects.filter(pk=image_id).delete()[0] > 0


def as_json(image: Image) -> dict[str, Any]:
    """Describe an image for programs and pages.

    Its pictures come the smallest first, with the address in each format, the best first: a
    browser chooses among the `<source>`s of a `<picture>`, and so no cache has to.
    """
    by_size: dict[tuple[int, int], dict[str, Any]] = {}
    for result in image.results:
        size = (result["width"], result["height"])
        picture = by_size.setdefault(size, {"width": size[0], "height": size[1], "urls": {}})
        url = default_storage.url(files.path(image.pk, result["name"]))
        picture["urls"][result["type"]] = url
    return {
        "id": str(image.pk),
        "status": image.status,
        "percent": image.percent,
        "reason": image.reason or None,
        "name": image.name,
        "created_at": image.created_at,
        "pictures": list(by_size.values()),
    }
