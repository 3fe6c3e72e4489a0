"""Images, as they are kept."""

import uuid

from django.db import models
from django.utils import timezone


class Image(models.Model):
    """One picture that was sent, and what became of it.

    Attributes:
        id: random, so that who knows it may see the image.
        percent: how much of the work is done.
        reason: why it failed, for people.
        name: what its sender called the file; shown, and never part of a path.
        results: what it was made into: for each picture `name` (in its folder), `type` (MIME),
            `width`, `height` and `bytes`.
        tries: how often a worker began with it.
        updated_at: when there was progress last.
    """

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    UNFINISHED = (Status.QUEUED, Status.RUNNING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    percent = models.PositiveSmallIntegerField(default=0)
    reason = models.CharField(max_length=200, blank=True)
    name = models.CharField(max_length=255, blank=True)
    results = models.JSONField(default=list)
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["status", "updated_at"], name="image_status")]

    def __str__(self) -> str:
        return f"Image {self.pk}"

    @property
    def is_finished(self) -> bool:
        return self.status not in self.UNFINISHED


class Leftover(models.Model):
    """The files of an image that was deleted, from then until they are removed.

    Attributes:
        image_id: of the image that they were of.
    """

    image_id = models.UUIDField(primary_key=True)

    def __str__(self) -> str:
        return f"Files of image {self.pk}"
