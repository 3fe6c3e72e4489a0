import re
from http import HTTPStatus
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.images import files, services
from apps.images.models import Image
from core.errors import problem, refusal

RETRY_AFTER = 10
"""Seconds after which a client may send again what could not be queued."""

STATUSES = {
    "empty": HTTPStatus.BAD_REQUEST,
    "damaged": HTTPStatus.BAD_REQUEST,
    "type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "too_many_pixels": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}
"""By the reason of an `InvalidImageError`."""

# The name of a picture's file, never of what was sent.
PICTURE = re.compile(r"[0-9]{1,5}\.(avif|jpeg|png|webp)")


# Needs no token against forgery: no cookie gives a right here, and a page of another site, which
# could send a form, says where it is from.
@csrf_exempt
@require_POST
async def upload(request: HttpRequest) -> JsonResponse:
    """Take an image in the field `image` of a form: 202, and where to ask what became of it.

    400, 413 and 415 say what is wrong with it; 503 that it was not kept, as the work on it could
    not be queued.
    """
    if _is_from_another_site(request):
        return problem(HTTPStatus.FORBIDDEN, "A page of another site cannot send this.")
    if request.content_type != "multipart/form-data":
        return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send a form, as multipart/form-data.")
    try:
        image = await sync_to_async(_accept)(request)
    except services.InvalidImageError as error:
        return refusal(STATUSES[error.reason], "image", error.reason, error.detail)
    except services.QueueUnavailableError:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": str(RETRY_AFTER)})
    return JsonResponse(
        services.as_json(image),
        status=HTTPStatus.ACCEPTED,
        headers={"Location": reverse("images:image", args=[image.pk])},
    )


@csrf_exempt  # another site cannot send DELETE without a preflight request, which nothing answers
@require_http_methods(["GET", "HEAD", "DELETE"])
async def image(request: HttpRequest, image_id: UUID) -> HttpResponse:
    """What became of an image, with its pictures in every format; DELETE removes all of it."""
    if request.method == "DELETE":
        if not await sync_to_async(services.delete)(image_id):
            return problem(HTTPStatus.NOT_FOUND)
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    found = await sync_to_async(services.find)(image_id)
    if found is None:
        return problem(HTTPStatus.NOT_FOUND)
    return JsonResponse(services.as_json(found), headers={"Cache-Control": "no-store"})


@require_http_methods(["GET", "HEAD", "POST"])
async def page(request: HttpRequest) -> HttpResponse:
    """The form for people, which leads to the page of the image that they send."""
    status, error = HTTPStatus.OK, ""
    if request.method == "POST":
        try:
            found = await sync_to_async(_accept)(request)
            return redirect("images:image-page", found.pk)
        except services.InvalidImageError as invalid:
            status, error = STATUSES[invalid.reason], invalid.detail
        except services.QueueUnavailableError:
            status = HTTPStatus.SERVICE_UNAVAILABLE
            error = "This does not work at the moment. Try again in a minute."
    context = {
        "error": error,
        "most_bytes": settings.IMAGES_MAX_BYTES,
        "user": await request.auser(),
    }
    return render(request, "images/page.html", context, status=status)


@require_safe
async def image_page(request: HttpRequest, image_id: UUID) -> HttpResponse:
    """An image for people: how far it is, then its pictures."""
    found = await sync_to_async(services.find)(image_id)
    if found is None:
        raise Http404
    described = services.as_json(found)
    context: dict[str, Any] = {
        "image": described,
        "largest": described["pictures"][-1] if described["pictures"] else None,
        "finished": found.is_finished,
        "topic": f"image.{found.pk}",
        "user": await request.auser(),
    }
    response = render(request, "images/image.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_POST
async def delete(request: HttpRequest, image_id: UUID) -> HttpResponse:
    """Delete an image, for the button on its page."""
    if not await sync_to_async(services.delete)(image_id):
        raise Http404
    return redirect("images:page")


@require_safe
async def picture(request: HttpRequest, image_id: UUID, name: str) -> HttpResponse:
    """The file of a picture; what was sent is not among them."""
    match = PICTURE.fullmatch(name)
    if match is None:
        raise Http404
    try:
        content = await sync_to_async(files.read, thread_sensitive=False)(image_id, name)
    except FileNotFoundError as error:
        raise Http404 from error
    return HttpResponse(
        content,
        content_type=f"image/{match[1]}",
        headers={"Cache-Control": "private, max-age=86400"},
    )


def _accept(request: HttpRequest) -> Image:
    """Parse the form and take its image, off the event loop."""
    sent = [file for _, several in request.FILES.lists() for file in several]
    return services.accept(sent[0] if len(sent) == 1 and "image" in request.FILES else None)


def _is_from_another_site(request: HttpRequest) -> bool:
    """Say whether a browser sends this from a page of another site."""
    origin = request.headers.get("Origin")
    own = f"{request.scheme}://{request.get_host()}"
    return origin is not None and origin not in {own, *settings.CSRF_TRUSTED_ORIGINS}
