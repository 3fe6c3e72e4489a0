"""Images: refused before they are kept, or kept and made into pictures; nothing is left over."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from celery.exceptions import SoftTimeLimitExceeded
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import AsyncClient, Client
from django.utils import timezone
from kombu.exceptions import OperationalError
from PIL import Image as Pillow
from PIL import ImageCms
from pytest_django import Settings

from apps.images import files, services, tasks
from apps.images.models import Image, Leftover

UP = 1
ON_ITS_SIDE = 6
"""Values of the EXIF tag for the orientation."""


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = str(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def queue(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The images whose work was queued; the tests do it themselves."""
    queued: list[str] = []
    monkeypatch.setattr(
        tasks.resize, "apply_async", lambda args, kwargs, **options: queued.append(*args)
    )
    return queued


def encoded(
    format: str = "JPEG",  # noqa: A002
    size: tuple[int, int] = (1000, 500),
    mode: str = "RGB",
    colour: Any = "teal",
    **options: Any,
) -> bytes:
    file = BytesIO()
    Pillow.new(mode, size, colour).save(file, format, **options)
    return file.getvalue()


def moving(format: str) -> bytes:  # noqa: A002
    """Return an image that is red, then blue."""
    file = BytesIO()
    red, blue = (Pillow.new("RGB", (40, 40), colour) for colour in ("red", "blue"))
    red.save(file, format, save_all=True, append_images=[blue])
    return file.getvalue()


def with_exif(orientation: int) -> bytes:
    """Return a JPEG, red on its left and blue on its right, that tells where it was taken."""
    image = Pillow.new("RGB", (400, 200), "red")
    image.paste("blue", (200, 0, 400, 200))
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "SecretCam"
    file = BytesIO()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image.save(file, "JPEG", exif=exif, icc_profile=profile, comment=b"secret")
    return file.getvalue()


async def send(client: AsyncClient, content: bytes, name: str = "a.jpg", **headers: str) -> Any:
    file = SimpleUploadedFile(name, content, "image/jpeg")
    return await client.post("/api/images/", {"image": file}, headers=headers)


def accepted(content: bytes) -> UUID:
    return services.accept(SimpleUploadedFile("a.jpg", content)).pk


def found(image_id: UUID) -> Image:
    return Image.objects.get(pk=image_id)


def all_files(media: Path) -> set[str]:
    return {path.name for path in media.rglob("*")}


class KilledError(BaseException):
    """Stands for the end of a process."""


def killed(*args: object) -> None:
    raise KilledError


def opened(image_id: UUID, name: str) -> Pillow.Image:
    return Pillow.open(BytesIO(files.read(image_id, name)))


# From sending to seeing


@pytest.mark.django_db(transaction=True)
async def test_an_image_is_accepted_worked_on_and_shown(
    async_client: AsyncClient, queue: list[str]
) -> None:
    response = await send(async_client, encoded(size=(1000, 500)), "holiday.jpg")

    assert response.status_code == 202
    answer = response.json()
    where = response["Location"]
    assert where == f"/api/images/{answer['id']}/"
    assert (answer["status"], answer["percent"], answer["pictures"]) == ("queued", 0, [])
    assert queue == [answer["id"]]

    await sync_to_async(tasks.resize)(answer["id"])

    done = (await async_client.get(where)).json()
    assert (done["status"], done["percent"], done["name"]) == ("done", 100, "holiday.jpg")
    sizes = [(picture["width"], picture["height"]) for picture in done["pictures"]]
    assert sizes == [(320, 160), (640, 320), (1000, 500)]
    for picture in done["pictures"]:
        assert list(picture["urls"]) == ["image/avif", "image/webp", "image/jpeg"]
        for kind, url in picture["urls"].items():
            file = await async_client.get(url)
            assert file["Content-Type"] == kind
            assert file["X-Content-Type-Options"] == "nosniff"
            assert Pillow.open(BytesIO(file.content)).size == (picture["width"], picture["height"])


@pytest.mark.django_db(transaction=True)
def test_the_pictures_are_upright_and_know_nothing_of_the_camera() -> None:
    image_id = accepted(with_exif(ON_ITS_SIDE))
    tasks.resize(str(image_id))

    names = {result["name"] for result in found(image_id).results}
    assert {name.rpartition(".")[2] for name in names} == {"avif", "webp", "jpeg"}
    for name in names:
        content = files.read(image_id, name)
        assert b"SecretCam" not in content
        assert b"secret" not in content
        picture = opened(image_id, name)
        assert not picture.getexif()
        assert "icc_profile" not in picture.info
        assert picture.height == 2 * picture.width
        red, _, blue = picture.convert("RGB").getpixel((5, 5))  # type: ignore[misc]
        assert red > 200 > 50 > blue


OPAQUE = 255


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("content", "fallback", "colour"),
    [
        pytest.param(
            encoded("PNG", mode="RGBA", colour=(255, 0, 0, 40)), "png", (255, 0, 0, 40), id="alpha"
        ),
        pytest.param(
            encoded("PNG", mode="LA", colour=(64, 128)), "png", (64, 64, 64, 128), id="grey alpha"
        ),
        pytest.param(
            encoded("PNG", mode="RGB", colour=(0, 0, 255), transparency=(0, 0, 255)),
            "png",
            (0, 0, 0, 0),
            id="a transparent colour",
        ),
        pytest.param(
            encoded("PNG", mode="L", colour=64, transparency=64),
            "png",
            (0, 0, 0, 0),
            id="a transparent grey",
        ),
        pytest.param(
            encoded("PNG", mode="P", colour=0, transparency=0),
            "png",
            (0, 0, 0, 0),
            id="a transparent entry of the palette",
        ),
        pytest.param(
            encoded("PNG", mode="P", colour=0, transparency=b"\x50"),
            "png",
            (0, 0, 0, 80),
            id="a palette with alpha",
        ),
        pytest.param(encoded("PNG", mode="P", colour=0), "jpeg", (0, 0, 0, OPAQUE), id="palette"),
        pytest.param(
            encoded("PNG", mode="1", colour=1), "jpeg", (255, 255, 255, OPAQUE), id="1 bit"
        ),
        pytest.param(
            encoded("PNG", mode="I;16", colour=0x4000),
            "jpeg",
            (64, 64, 64, OPAQUE),
            id="16 bits of grey",
        ),
        pytest.param(
            encoded("PNG", mode="I;16", colour=0xFFFF, transparency=0x4000),
            "jpeg",
            (255, 255, 255, OPAQUE),
            id="16 bits of grey, one transparent",
        ),
        pytest.param(encoded("GIF", mode="P", colour=0), "jpeg", (0, 0, 0, OPAQUE), id="GIF"),
        pytest.param(moving("GIF"), "jpeg", (255, 0, 0, OPAQUE), id="a GIF that moves"),
        pytest.param(moving("PNG"), "jpeg", (255, 0, 0, OPAQUE), id="a PNG that moves"),
        pytest.param(moving("WEBP"), "jpeg", (255, 0, 0, OPAQUE), id="a WebP that moves"),
        pytest.param(moving("AVIF"), "jpeg", (255, 0, 0, OPAQUE), id="an AVIF that moves"),
        pytest.param(moving("MPO"), "jpeg", (255, 0, 0, OPAQUE), id="a JPEG with more behind it"),
        pytest.param(encoded("WEBP"), "jpeg", (0, 128, 128, OPAQUE), id="WebP"),
        pytest.param(encoded("AVIF"), "jpeg", (0, 128, 128, OPAQUE), id="AVIF"),
        pytest.param(
            encoded("JPEG", mode="CMYK", colour=(255, 0, 0, 0)),
            "jpeg",
            (0, 255, 255, OPAQUE),
            id="CMYK",
        ),
        pytest.param(encoded(mode="L", colour=64), "jpeg", (64, 64, 64, OPAQUE), id="grey"),
        pytest.param(encoded("PNG", size=(1, 1)), "jpeg", (0, 128, 128, OPAQUE), id="one pixel"),
        pytest.param(encoded("PNG", size=(3000, 1)), "jpeg", (0, 128, 128, OPAQUE), id="a line"),
    ],
)
def test_every_kind_of_image_keeps_its_colour(
    content: bytes, fallback: str, colour: tuple[int, int, int, int]
) -> None:
    image_id = accepted(content)
    tasks.resize(str(image_id))

    image = found(image_id)
    assert image.status == Image.Status.DONE, image.reason
    assert image.results[-1]["name"].endswith(fallback)
    for result in image.results:
        seen = opened(image_id, result["name"]).convert("RGBA").getpixel((0, 0))
        assert isinstance(seen, tuple)
        *_, alpha = colour
        # What is fully transparent has no colour; 5 is what compression may change.
        compared = slice(0 if alpha else 3, 4)
        assert seen[compared] == pytest.approx(colour[compared], abs=5)


# What is refused


def svg() -> bytes:
    return b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def bomb() -> bytes:
    """Return 100 megapixels in a few kB."""
    return encoded("PNG", size=(10_000, 10_000), mode="1", colour=0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("make", "status", "reason"),
    [
        pytest.param(lambda: b"", 400, "empty", id="0 bytes"),
        pytest.param(svg, 415, "type", id="an SVG"),
        pytest.param(lambda: b"GIF89a=1;alert(1)//", 415, "type", id="a script like a GIF"),
        pytest.param(lambda: encoded("BMP"), 415, "type", id="another format"),
        pytest.param(bomb, 413, "too_many_pixels", id="100 megapixels"),
        pytest.param(lambda: encoded("PNG")[:-20], 400, "damaged", id="a PNG cut off"),
        pytest.param(lambda: encoded("WEBP")[:40], 400, "damaged", id="a WebP cut off"),
    ],
)
async def test_what_is_no_image_to_be_taken_is_refused_with_the_reason(
    async_client: AsyncClient,
    media: Path,
    make: Callable[[], bytes],
    status: int,
    reason: str,
) -> None:
    response = await send(async_client, make())

    assert response.status_code == status
    assert response.json()["errors"]["image"]["reason"] == reason
    assert response["Content-Type"] == "application/problem+json"
    assert not await Image.objects.aexists()
    assert await asyncio.to_thread(all_files, media) == set()


@pytest.mark.django_db(transaction=True)
async def test_more_bytes_than_allowed_are_refused(
    async_client: AsyncClient, settings: Settings
) -> None:
    settings.IMAGES_MAX_BYTES = 100

    response = await send(async_client, encoded())

    assert response.status_code == 413
    assert response.json()["detail"] == "Send at most 100 bytes."


@pytest.mark.parametrize("fields", [{}, {"picture": 1}, {"image": 2}, {"image": 101}])
async def test_not_exactly_one_file_is_refused(
    async_client: AsyncClient, fields: dict[str, int]
) -> None:
    data = {
        name: [SimpleUploadedFile("a.jpg", encoded(size=(9, 9))) for _ in range(count)]
        for name, count in fields.items()
    }

    response = await async_client.post("/api/images/", data)

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"


async def test_a_body_that_is_no_form_is_refused(async_client: AsyncClient) -> None:
    response = await async_client.post("/api/images/", encoded(), content_type="image/jpeg")

    assert response.status_code == 415


async def test_a_page_of_another_site_cannot_send_one(async_client: AsyncClient) -> None:
    response = await send(async_client, encoded(), origin="https://elsewhere.example.com")

    assert response.status_code == 403


@pytest.mark.django_db(transaction=True)
async def test_a_program_needs_no_token_and_the_form_of_the_page_does() -> None:
    client = AsyncClient(enforce_csrf_checks=True)
    file = SimpleUploadedFile("a.jpg", encoded())

    assert (await send(client, encoded())).status_code == 202
    assert (await client.post("/images/", {"image": file})).status_code == 403


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..\\..\\a.jpg", "a\0.jpg"])
async def test_the_name_of_the_sender_is_never_a_path(
    async_client: AsyncClient, media: Path, name: str
) -> None:
    response = await send(async_client, encoded(), name)

    assert response.status_code in {202, 400}
    if response.status_code == 202:
        assert await asyncio.to_thread(all_files, media) == {
            "images",
            response.json()["id"],
            "original",
        }


@pytest.mark.django_db(transaction=True)
async def test_the_content_says_what_it_is_not_the_name(async_client: AsyncClient) -> None:
    response = await send(async_client, encoded("PNG"), "photo.jpg")

    assert response.status_code == 202


@pytest.mark.django_db(transaction=True)
async def test_without_a_queue_nothing_is_kept(
    async_client: AsyncClient, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise OperationalError("no broker")

    monkeypatch.setattr(tasks.resize, "apply_async", refuse)

    response = await send(async_client, encoded())

    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert not await Image.objects.aexists()
    assert await asyncio.to_thread(all_files, media) <= {"images"}


# The work


@pytest.mark.django_db(transaction=True)
def test_the_original_is_gone_when_the_work_is_done(media: Path) -> None:
    image_id = accepted(encoded())
    tasks.resize(str(image_id))

    results = {result["name"] for result in found(image_id).results}
    assert all_files(media) == {"images", str(image_id)} | results


@pytest.mark.django_db(transaction=True)
def test_work_that_was_cut_off_is_done_again_with_the_same_result(
    monkeypatch: pytest.MonkeyPatch, media: Path
) -> None:
    def killed_half_way(image_id: UUID, name: str, content: bytes) -> None:
        write(image_id, name, content[:100])
        raise KilledError

    first, second = accepted(with_exif(UP)), accepted(with_exif(UP))
    write = files.write
    with monkeypatch.context() as patch:
        patch.setattr(files, "write", killed_half_way)
        with pytest.raises(KilledError):
            tasks.resize(str(first))
    assert found(first).status == Image.Status.RUNNING

    for image_id in (first, second, first):
        tasks.resize(str(image_id))

    assert found(first).results == found(second).results
    for result in found(first).results:
        assert files.read(first, result["name"]) == files.read(second, result["name"])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("content", [encoded()[:-500], encoded("GIF")[:-30]], ids=["JPEG", "GIF"])
def test_an_image_whose_pixels_are_damaged_fails_with_a_reason(content: bytes, media: Path) -> None:
    image_id = accepted(content)
    tasks.resize(str(image_id))

    image = found(image_id)
    assert (image.status, image.reason) == ("failed", "The image is damaged.")
    assert all_files(media) <= {"images"}


@pytest.mark.django_db(transaction=True)
def test_an_image_that_kills_its_workers_is_given_up(media: Path, settings: Settings) -> None:
    image_id = accepted(encoded())
    Image.objects.update(status="running", tries=settings.IMAGES_MAX_TRIES)

    tasks.resize(str(image_id))

    assert found(image_id).status == Image.Status.FAILED
    assert all_files(media) <= {"images"}


@pytest.mark.django_db(transaction=True)
def test_work_that_takes_too_long_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(content: bytes) -> None:
        raise SoftTimeLimitExceeded

    image_id = accepted(encoded())
    monkeypatch.setattr(tasks, "pictures", slow)
    tasks.resize(str(image_id))

    assert found(image_id).reason == "It took too long."


@pytest.mark.django_db(transaction=True)
def test_the_work_on_an_image_that_is_gone_does_nothing() -> None:
    tasks.resize(str(uuid4()))


@pytest.mark.django_db(transaction=True)
def test_what_is_stuck_is_queued_again(queue: list[str], settings: Settings) -> None:
    stuck, fresh = accepted(encoded()), accepted(encoded())
    finished = accepted(encoded())
    tasks.resize(str(finished))
    long_ago = timezone.now() - timedelta(seconds=settings.IMAGES_STUCK_AFTER + 1)
    Image.objects.exclude(pk=fresh).update(updated_at=long_ago)
    queue.clear()

    tasks.sweep()
    tasks.sweep()

    assert queue == [str(stuck)]


heard: list[str] = []


def hear(topic: str, kind: str, data: object) -> None:
    """Stand in for `publish_sync`, which cannot reach anybody the last time."""
    heard.append(topic)
    if len(heard) == 11:
        raise ConnectionError


@pytest.mark.django_db(transaction=True)
def test_progress_is_told_and_nobody_who_hears_it_can_break_the_work(settings: Settings) -> None:
    settings.IMAGES_PROGRESS = f"{__name__}.hear"
    image_id = accepted(encoded())

    tasks.resize(str(image_id))

    # The beginning, three formats of three sizes, the end.
    assert heard == [f"image.{image_id}"] * 11
    assert found(image_id).status == Image.Status.DONE


# Deleting


@pytest.mark.django_db(transaction=True)
async def test_deleting_removes_every_file(async_client: AsyncClient, media: Path) -> None:
    response = await send(async_client, encoded())
    await sync_to_async(tasks.resize)(response.json()["id"])

    deleted = await async_client.delete(response["Location"])
    again = await async_client.delete(response["Location"])

    assert (deleted.status_code, again.status_code) == (204, 404)
    assert (await async_client.get(response["Location"])).status_code == 404
    assert await asyncio.to_thread(all_files, media) == {"images"}


@pytest.mark.django_db(transaction=True)
def test_a_worker_does_not_bring_back_what_is_deleted_meanwhile(
    monkeypatch: pytest.MonkeyPatch, media: Path
) -> None:
    write = files.write

    def deleted_before(image_id: UUID, name: str, content: bytes) -> None:
        services.delete(image_id)
        write(image_id, name, content)

    image_id = accepted(encoded())
    monkeypatch.setattr(files, "write", deleted_before)
    tasks.resize(str(image_id))

    assert not Image.objects.exists()
    assert all_files(media) == {"images"}


@pytest.mark.django_db(transaction=True)
def test_deleting_in_the_admin_removes_the_files_too(client: Client, media: Path) -> None:
    client.force_login(get_user_model().objects.create_superuser("root"))
    image_id = accepted(encoded())

    page = client.get(f"/admin/images/image/{image_id}/change/")
    client.post(f"/admin/images/image/{image_id}/delete/", {"post": "yes"})

    assert page.status_code == 200
    assert all_files(media) == {"images"}


@pytest.mark.django_db(transaction=True)
def test_what_a_deletion_that_was_cut_off_left_is_removed_later(
    monkeypatch: pytest.MonkeyPatch, media: Path
) -> None:
    image_id = accepted(encoded())
    with monkeypatch.context() as patch:
        patch.setattr(files, "remove", killed)
        with pytest.raises(KilledError):
            services.delete(image_id)
    assert not Image.objects.exists()
    assert "original" in all_files(media)

    tasks.sweep()

    assert all_files(media) == {"images"}
    assert not Leftover.objects.exists()


@pytest.mark.django_db(transaction=True)
async def test_the_button_on_its_page_deletes_an_image(media: Path) -> None:
    client = AsyncClient(enforce_csrf_checks=True)
    image_id = (await send(client, encoded())).json()["id"]
    page = f"/images/{image_id}/"
    token = {"csrfmiddlewaretoken": (await client.get(page)).context["csrf_token"]}

    forged = await client.post(f"{page}delete/")
    deleted = await client.post(f"{page}delete/", token)
    again = await client.post(f"{page}delete/", token)

    assert (forged.status_code, deleted["Location"], again.status_code) == (403, "/images/", 404)
    assert not await Image.objects.aexists()
    assert await asyncio.to_thread(all_files, media) == {"images"}


# Pages and files


@pytest.mark.django_db(transaction=True)
async def test_the_form_leads_to_the_page_of_the_image(async_client: AsyncClient) -> None:
    assert b"Images</h1>" in (await async_client.get("/images/")).content

    sent = await async_client.post(
        "/images/", {"image": SimpleUploadedFile("<b>.jpg", encoded(size=(50, 50)))}
    )
    waiting = (await async_client.get(sent["Location"])).content.decode()
    await sync_to_async(tasks.resize)(sent["Location"].split("/")[2])
    done = (await async_client.get(sent["Location"])).content.decode()

    assert "Waits for a worker" in waiting
    assert 'http-equiv="refresh"' in waiting
    assert "&lt;b&gt;.jpg" in done
    assert 'type="image/avif"' in done
    assert 'http-equiv="refresh"' not in done


async def test_the_form_says_what_is_wrong(async_client: AsyncClient) -> None:
    response = await async_client.post("/images/", {"image": SimpleUploadedFile("a.svg", svg())})

    assert response.status_code == 415
    assert b"This is something else." in response.content


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["original", "320.avif", "..%2foriginal", "320.jpeg%00"])
async def test_what_was_sent_is_not_served(async_client: AsyncClient, name: str) -> None:
    response = await send(async_client, encoded())

    file = await async_client.get(f"/media/images/{response.json()['id']}/{name}")

    assert file.status_code == 404
