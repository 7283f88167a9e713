"""Pictures as they are sent: what they really are, and the same picture without what is no picture.

A picture is read three times: its container is taken apart piece by piece, before anything is decompressed; the pieces
that make the picture are put together again, byte for byte, without comments, camera data and texts; and the result is
decoded to the last frame. Nothing is recompressed.
"""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import dataclass
from enum import StrEnum

from PIL import Image, UnidentifiedImageError

from app.infra.picture_containers import Container, NotThisFormat, gif, jpeg, png, webp

LARGEST_SIDE = 5_000
MOST_FRAMES = 200
# Of all frames together: what an animation makes a browser decode.
MOST_PIXELS = 100_000_000


class PictureRefused(Exception):
    """The bytes are no picture that is taken; the text says why and what to do."""


class PictureFormat(StrEnum):
    """The formats that browsers show and that are taken."""

    PNG = "png"
    JPEG = "jpeg"
    GIF = "gif"
    WEBP = "webp"


@dataclass(frozen=True, slots=True)
class Picture:
    """What a picture is, by itself: pixels as it is shown, after rotation; and its bytes without metadata."""

    format: PictureFormat
    width: int
    height: int
    animated: bool
    data: bytes


_READERS = (
    (PictureFormat.PNG, re.compile(rb"\x89PNG\r\n\x1a\n"), png),
    (PictureFormat.JPEG, re.compile(rb"\xff\xd8\xff"), jpeg),
    (PictureFormat.GIF, re.compile(rb"GIF8[79]a"), gif),
    (PictureFormat.WEBP, re.compile(rb"RIFF.{4}WEBP", re.DOTALL), webp),
)
# EXIF's names of the positions that lie on their side.
_TURNED = frozenset({5, 6, 7, 8})


def read_picture(data: bytes) -> Picture:
    """The picture of these bytes. Takes up to some seconds of one core: call it in a thread.

    Raises PictureRefused for what is no picture, truncated, followed by anything else, too large, or damaged.
    """
    found = next((reader for reader in _READERS if reader[1].match(data)), None)
    if found is None:
        raise PictureRefused("the file is no PNG, JPEG, GIF or WebP picture")
    format_, _, reader = found
    try:
        container = reader(data)
    except NotThisFormat as mistake:
        raise PictureRefused(f"the {_NAMES[format_]} picture {mistake}") from None
    _check_size(container)
    _decode(container, format_)
    turned = container.orientation in _TURNED
    width, height = (
        (container.height, container.width) if turned else (container.width, container.height)
    )
    return Picture(format_, width, height, container.frames > 1, container.data)


_NAMES = {
    PictureFormat.PNG: "PNG",
    PictureFormat.JPEG: "JPEG",
    PictureFormat.GIF: "GIF",
    PictureFormat.WEBP: "WebP",
}


def _check_size(found: Container) -> None:
    """Refuse by the numbers of the container alone: nothing was decompressed so far."""
    size = f"{found.width}x{found.height}"
    if not (found.width and found.height):
        raise PictureRefused(f"the picture is {size} pixels: it needs at least 1x1")
    if found.width > LARGEST_SIDE or found.height > LARGEST_SIDE:
        raise PictureRefused(
            f"the picture is {size} pixels: at most {LARGEST_SIDE}x{LARGEST_SIDE} are allowed"
        )
    if found.frames > MOST_FRAMES:
        raise PictureRefused(
            f"the picture has {found.frames} frames: at most {MOST_FRAMES} are allowed"
        )
    if found.width * found.height * found.frames > MOST_PIXELS:
        raise PictureRefused(
            f"the {found.frames} frames of {size} pixels are more than {MOST_PIXELS} pixels together: "
            "make it smaller or shorter"
        )


def _decode(container: Container, format_: PictureFormat) -> None:
    """Decode every frame, and compare with what the container said."""
    try:
        with warnings.catch_warnings():
            # Of a picture that is too large, which was refused already, and of odd metadata.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(container.data), formats=[format_.value.upper()]) as image:
                agrees = image.size == (container.width, container.height)
                frames = int(getattr(image, "n_frames", 1))
                for frame in range(frames if agrees else 0):
                    image.seek(frame)
                    image.load()
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        OverflowError,
    ):
        raise PictureRefused(
            f"the {_NAMES[format_]} picture is damaged or incomplete: save it again and send the new file"
        ) from None
    if not agrees or frames != container.frames:
        raise PictureRefused(f"the {_NAMES[format_]} picture contradicts itself: save it again")
