"""What is done to pixels; knows neither rows nor files."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import IO

from django.conf import settings
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError, features

FORMATS = ("AVIF", "GIF", "JPEG", "PNG", "WEBP")
"""What may be sent, by Pillow's names; its other formats are not even tried."""

# What Pillow raises for bytes that are not what they seem, depending on how far it gets.
DAMAGED = (
    ArithmeticError,
    AssertionError,
    EOFError,
    ImageCms.PyCMSError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


class InvalidImageError(Exception):
    """Not an image, or not one that can be taken.

    Attributes:
        reason: `empty`, `type`, `too_large`, `too_many_pixels` or `damaged`.
        detail: the same for people.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Picture:
    """One of the pictures that an image is made into.

    Attributes:
        name: of its file: the longer side in pixels, and the format.
        type: MIME.
    """

    name: str
    type: str
    width: int
    height: int
    content: bytes


def check(file: IO[bytes]) -> None:
    """Look at the type, the size and the structure of an image, without decoding its pixels.

    The content alone counts: neither a name nor what the sender says.

    Raises:
        InvalidImageError: with the reason.
    """
    with _errors_named(), Image.open(file, formats=FORMATS) as image:
        image.verify()
    file.seek(0)


def pictures(content: bytes) -> Iterator[tuple[int, Picture]]:
    """Make an image into pictures of several sizes and formats, each with the per cent done.

    They are upright, in sRGB, without any metadata, and never larger than the image. Of what
    moves they show the beginning.

    Raises:
        InvalidImageError: its pixels cannot be read.
    """
    sizes: list[int] = sorted(settings.IMAGES_SIZES)
    with _errors_named():
        image = _decode(content, sizes[-1])
    longest = max(image.size)
    wanted = sorted({min(size, longest) for size in sizes})
    formats = _formats_for(image)
    for number, size in enumerate(wanted):
        small = image.copy()
        small.thumbnail((size, size), Image.Resampling.LANCZOS)
        for position, (name, options) in enumerate(formats.items(), start=1):
            percent = 100 * (number * len(formats) + position) // (len(wanted) * len(formats))
            yield percent, _encode(small, size, name, options)


def _decode(content: bytes, largest: int) -> Image.Image:
    with Image.open(BytesIO(content), formats=FORMATS) as opened:
        profile = opened.info.get("icc_profile")
        image = _in_8_bits(opened)
        image.thumbnail((largest, largest), Image.Resampling.LANCZOS)
        image = ImageOps.exif_transpose(image)
    if profile:
        image = _in_srgb(image, profile)
    mode = "RGBA" if image.has_transparency_data else "RGB"
    # Onto a new one, which has no metadata.
    clean = Image.new(mode, image.size)
    clean.paste(image.convert(mode))
    return clean


def _in_8_bits(image: Image.Image) -> Image.Image:
    """Return the image with whole colours, to be mixed when it is made smaller."""
    if image.mode == "I;16":
        # `convert` makes all that is brighter than 255, of 65,535, white; so it does with the one
        # colour that is transparent.
        image = image.point(lambda value: value / 256).convert("L")
        image.info.pop("transparency", None)
    if image.has_transparency_data:
        mode = "RGBA"
    else:
        mode = image.mode if image.mode in {"L", "CMYK"} else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Return the image as it looks by its colour profile; as it is, if that makes no sense."""
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    try:
        converted = ImageCms.profileToProfile(
            image, BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode=mode
        )
    except ImageCms.PyCMSError:
        return image
    return converted or image


def _formats_for(image: Image.Image) -> dict[str, dict[str, int | bool]]:
    """Return what to save as, with its options: best first, the last is for every browser."""
    formats: dict[str, dict[str, int | bool]] = {}
    if features.check("avif"):
        formats["AVIF"] = {"quality": 60, "speed": 8}
    formats["WEBP"] = {"quality": 80}
    if image.mode == "RGBA":
        formats["PNG"] = {"optimize": True}
    else:
        formats["JPEG"] = {"quality": 82, "optimize": True, "progressive": True}
    return formats


def _encode(image: Image.Image, size: int, name: str, options: dict[str, int | bool]) -> Picture:
    file = BytesIO()
    image.save(file, name, **options)
    return Picture(
        name=f"{size}.{name.lower()}",
        type=Image.MIME[name],
        width=image.width,
        height=image.height,
        content=file.getvalue(),
    )


@contextmanager
def _errors_named() -> Iterator[None]:
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        most = settings.IMAGES_MAX_PIXELS // 1_000_000
        raise InvalidImageError(
            "too_many_pixels", f"Send an image of at most {most} megapixels."
        ) from error
    except UnidentifiedImageError as error:
        raise InvalidImageError(
            "type", "Send an image as AVIF, GIF, JPEG, PNG or WebP. This is something else."
        ) from error
    except DAMAGED as error:
        raise InvalidImageError("damaged", "The image is damaged.") from error
