"""The work on images, by workers. Done twice, in part or at the same time, it comes to the same."""

import logging
from datetime import timedelta
from typing import Any
from uuid import UUID

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db.models import F
from django.utils import timezone
from django.utils.module_loading import import_string

from apps.images import files
from apps.images.models import Image, Leftover
from apps.images.pictures import InvalidImageError, pictures
from core.tasks import enqueue_sync

logger = logging.getLogger(__name__)


@shared_task
def resize(image_id: str) -> None:
    """Make an image into its pictures, and write down what came of it.

    An image that is gone, or done, costs a look only.
    """
    key = UUID(image_id)
    image = Image.objects.filter(pk=key).first()
    if image is None or image.is_finished:
        _tidy(key)
    elif image.tries >= settings.IMAGES_MAX_TRIES:
        # It may be what kills the workers.
        _finish(key, Image.Status.FAILED, reason=f"No worker got through it, in {image.tries}.")
    else:
        _note(key, status=Image.Status.RUNNING, percent=0, tries=F("tries") + 1)
        _work(key)


@shared_task
def sweep() -> None:
    """Queue again what had no progress for long: its task was lost, or its worker.

    And remove the files of images that were deleted, where that was cut off.
    """
    long_ago = timezone.now() - timedelta(seconds=settings.IMAGES_STUCK_AFTER)
    stuck = Image.objects.filter(status__in=Image.UNFINISHED, updated_at__lt=long_ago)
    for key in stuck.values_list("pk", flat=True):
        _note(key)  # not again at the next time, which is soon
        enqueue_sync(resize, str(key))
        logger.warning("Image %s had no progress for long, and is queued again", key)
    for key in Leftover.objects.values_list("pk", flat=True):
        files.remove_leftover(key)


def _work(key: UUID) -> None:
    results = []
    try:
        for percent, picture in pictures(files.read(key, files.ORIGINAL)):
            files.write(key, picture.name, picture.content)
            results.append(
                {
                    "name": picture.name,
                    "type": picture.type,
                    "width": picture.width,
                    "height": picture.height,
                    "bytes": len(picture.content),
                }
            )
            if not _note(key, percent=percent):
                break  # deleted meanwhile
    except InvalidImageError as error:
        _finish(key, Image.Status.FAILED, reason=error.detail)
    except FileNotFoundError:
        _finish(key, Image.Status.FAILED, reason="Its file is not there any more.")
    except SoftTimeLimitExceeded:
        _finish(key, Image.Status.FAILED, reason="It took too long.")
    else:
        _finish(key, Image.Status.DONE, percent=100, results=results)


def _note(key: UUID, **fields: Any) -> bool:
    """Write down that there is progress, and say so; False if nobody waits for it any more."""
    unfinished = Image.objects.filter(pk=key, status__in=Image.UNFINISHED)
    noted = unfinished.update(**fields, updated_at=timezone.now()) == 1
    if noted and fields and settings.IMAGES_PROGRESS:
        try:
            import_string(settings.IMAGES_PROGRESS)(f"image.{key}", "changed", None)
        except Exception:
            logger.warning("The progress of an image could not be published", exc_info=True)
    return noted


def _finish(key: UUID, status: Image.Status, **fields: Any) -> None:
    """Write down the end, unless there was one before, then keep what belongs to it."""
    _note(key, status=status, **fields)
    _tidy(key)


def _tidy(key: UUID) -> None:
    """Keep of the files what the row lists; all are removed if it failed, or was deleted."""
    results = Image.objects.filter(pk=key).values_list("results", flat=True).first()
    files.remove(key, but=[result["name"] for result in results or []])
