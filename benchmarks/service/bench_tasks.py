"""What work on images costs: queued for a worker, and done in the view."""

import time
from io import BytesIO

from apps.images.pictures import pictures
from apps.images.tasks import sweep
from core.tasks import enqueue
from django.http import HttpRequest, JsonResponse
from PIL import Image


async def enqueue_one(request: HttpRequest) -> JsonResponse:
    """Queue a task, and say how many milliseconds that took."""
    started = time.perf_counter()
    await enqueue(sweep)
    return JsonResponse({"ms": (time.perf_counter() - started) * 1000})


async def resize_inline(request: HttpRequest) -> JsonResponse:
    """Make an image into pictures on the event loop, as is often done."""
    file = BytesIO()
    Image.effect_noise((2000, 1500), 64).save(file, "JPEG")
    return JsonResponse({"pictures": len(list(pictures(file.getvalue())))})
