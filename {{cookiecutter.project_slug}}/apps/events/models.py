"""Events, as the database engine keeps them."""

from django.db import models
from django.utils import timezone


class StoredEvent(models.Model):
    """One event; within a topic, the higher the id, the later it was to be seen.

    Attributes:
        content: its data, as JSON.
    """

    topic = models.CharField(max_length=100)
    type = models.CharField(max_length=100)
    content = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        indexes = [models.Index(fields=["topic", "id"], name="event_topic")]

    def __str__(self) -> str:
        return f"{self.topic} {self.pk}: {self.type}"
