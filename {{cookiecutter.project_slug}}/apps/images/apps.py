import warnings

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_delete
from PIL import Image


class ImagesConfig(AppConfig):
    """The images."""

    name = "apps.images"

    def ready(self) -> None:
        from apps.images import files, models

        # However a row is deleted, its files go with it, whatever happens meanwhile.
        post_delete.connect(files.remove_with_row, sender=models.Image)
        # Pillow would warn of a decompression bomb, and decode it.
        Image.MAX_IMAGE_PIXELS = settings.IMAGES_MAX_PIXELS
        warnings.simplefilter("error", Image.DecompressionBombWarning)
