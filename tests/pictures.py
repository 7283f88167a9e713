"""Pictures that tests send, made by Pillow."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

FORMATS = ("png", "jpeg", "gif", "webp")
# EXIF's name of a picture that lies on its side.
TURNED = 6
CAMERA = "A camera that tells too much"


def picture(format_: str = "png", size: tuple[int, int] = (300, 250), **options: Any) -> bytes:
    """A picture with something to see in it."""
    image = Image.effect_noise(size, 64).convert("RGB")
    data = io.BytesIO()
    image.save(data, format_.upper(), **options)
    return data.getvalue()


def animation(
    format_: str = "gif", frames: int = 3, size: tuple[int, int] = (120, 90), **options: Any
) -> bytes:
    """A picture that moves."""
    images = [
        Image.new("RGB", size, (shade * 37 % 256, 80, shade * 91 % 256)) for shade in range(frames)
    ]
    data = io.BytesIO()
    images[0].save(
        data,
        format_.upper(),
        save_all=True,
        append_images=images[1:],
        duration=80,
        loop=0,
        **options,
    )
    return data.getvalue()


def turned(format_: str = "jpeg", size: tuple[int, int] = (300, 250)) -> bytes:
    """A picture as a camera that was held sideways stores it."""
    exif = Image.Exif()
    exif[0x0112] = TURNED
    exif[0x010F] = CAMERA
    return picture(format_, size, exif=exif)


def pixels(data: bytes) -> list[bytes]:
    """What a viewer sees of each frame."""
    with Image.open(io.BytesIO(data)) as image:
        seen = []
        for frame in range(getattr(image, "n_frames", 1)):
            image.seek(frame)
            seen.append(image.convert("RGBA").tobytes())
    return seen
