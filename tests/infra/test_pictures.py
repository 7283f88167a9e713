"""Pictures are read from their bytes alone, kept without what is no picture, and never recompressed (A06, O01)."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from app.infra.pictures import (
    LARGEST_SIDE,
    MOST_FRAMES,
    MOST_PIXELS,
    PictureFormat,
    PictureRefused,
    read_picture,
)
from tests.pictures import CAMERA, FORMATS, TURNED, animation, picture, pixels, turned

SCRIPT = b"<script>alert(1)</script>"


def _chunk(name: bytes, content: bytes) -> bytes:
    body = name + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def _png_of(width: int, height: int, compressed: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", compressed)
        + _chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("format_", FORMATS)
def test_a06_format_and_size_are_read_from_the_file(format_: str) -> None:
    read = read_picture(picture(format_, (300, 250)))

    assert read.format == PictureFormat(format_)
    assert (read.width, read.height, read.animated) == (300, 250, False)


@pytest.mark.parametrize("format_", ["gif", "png", "webp"])
def test_a06_a_picture_that_moves_is_told_from_one_that_does_not(format_: str) -> None:
    read = read_picture(animation(format_))

    assert (read.width, read.height, read.animated) == (120, 90, True)


def test_a06_the_picture_for_viewers_that_do_not_animate_counts_as_a_frame() -> None:
    assert read_picture(animation("png", default_image=True)).animated


@pytest.mark.parametrize("format_", ["jpeg", "png", "webp"])
def test_a06_the_size_is_that_after_the_cameras_rotation(format_: str) -> None:
    read = read_picture(turned(format_, (300, 250)))

    assert (read.width, read.height) == (250, 300)


@pytest.mark.parametrize("format_", ["jpeg", "png", "webp"])
def test_o01_of_camera_data_only_the_rotation_is_kept(format_: str) -> None:
    sent = turned(format_)
    kept = read_picture(sent).data

    assert CAMERA.encode() in sent
    assert CAMERA.encode() not in kept
    with Image.open(io.BytesIO(kept)) as image:
        assert dict(image.getexif()) == {0x0112: TURNED}


@pytest.mark.parametrize("format_", FORMATS)
def test_o01_what_is_kept_shows_the_same_pixels(format_: str) -> None:
    sent = picture(format_) if format_ == "gif" else turned(format_)

    assert pixels(read_picture(sent).data) == pixels(sent)


@pytest.mark.parametrize("format_", ["gif", "png", "webp"])
def test_o01_what_is_kept_of_an_animation_shows_the_same_frames(format_: str) -> None:
    sent = animation(format_)

    assert pixels(read_picture(sent).data) == pixels(sent)


@pytest.mark.parametrize("format_", FORMATS)
def test_o01_a_picture_that_was_kept_is_kept_as_it_is_the_next_time(format_: str) -> None:
    once = read_picture(picture(format_)).data

    assert read_picture(once).data == once


def _with_texts() -> bytes:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", SCRIPT.decode())
    texts.add_itxt("XML:com.adobe.xmp", SCRIPT.decode(), zip=True)
    return picture("png", pnginfo=texts)


@pytest.mark.parametrize(
    "make",
    [
        _with_texts,
        lambda: picture("jpeg", comment=SCRIPT),
        lambda: picture("jpeg", xmp=SCRIPT),
        lambda: picture("gif", comment=SCRIPT),
        lambda: picture("webp", xmp=SCRIPT),
    ],
    ids=["png texts", "jpeg comment", "jpeg xmp", "gif comment", "webp xmp"],
)
def test_o01_texts_inside_a_picture_are_not_kept(make: Callable[[], bytes]) -> None:
    sent = make()

    assert SCRIPT in sent
    assert SCRIPT not in read_picture(sent).data


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize(
    "hidden", [SCRIPT, b"<svg onload='alert(1)'/>", b"PK\x03\x04", b"\x00"], ids=str
)
def test_o01_whatever_follows_a_pictures_end_is_refused(format_: str, hidden: bytes) -> None:
    with pytest.raises(PictureRefused, match="goes on after its end"):
        read_picture(picture(format_) + hidden)


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 0.999])
def test_o01_a_truncated_picture_is_refused(format_: str, share: float) -> None:
    sent = picture(format_)

    with pytest.raises(PictureRefused):
        read_picture(sent[: int(len(sent) * share)])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        SCRIPT,
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7\n",
        b"BM" + b"\x00" * 60,
        b"GIF87a" + SCRIPT,
        b"GIF89a=1/*" + SCRIPT,
        b"\xff\xd8\xff" + SCRIPT,
        b"\x89PNG\r\n\x1a\n" + SCRIPT,
        b"RIFF\x00\x00\x00\x00WEBP" + SCRIPT,
        b"RIFF\x04\x00\x00\x00WEBP",
    ],
    ids=str,
)
def test_o01_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(PictureRefused):
        read_picture(data)


@pytest.mark.parametrize(("width", "height"), [(0, 10), (10, 0), (0, 0)])
def test_o01_a_picture_without_pixels_is_refused(width: int, height: int) -> None:
    with pytest.raises(PictureRefused, match="at least 1x1"):
        read_picture(_png_of(width, height, zlib.compress(b"")))


def test_o01_a_picture_of_the_largest_size_is_taken_and_one_more_pixel_is_refused() -> None:
    rows = zlib.compress(b"\x00" * (1 + 3 * LARGEST_SIDE) * 2)
    assert read_picture(_png_of(LARGEST_SIDE, 2, rows)).width == LARGEST_SIDE

    with pytest.raises(PictureRefused, match=f"at most {LARGEST_SIDE}x{LARGEST_SIDE}"):
        read_picture(_png_of(LARGEST_SIDE + 1, 2, rows))


def test_o01_a_bomb_is_refused_by_its_own_numbers_before_anything_is_decompressed() -> None:
    # What would be decompressed is no compressed data at all.
    with pytest.raises(PictureRefused, match="at most"):
        read_picture(_png_of(100_000, 100_000, b"not compressed"))


def test_o01_an_animation_of_the_most_frames_is_taken_and_one_more_is_refused() -> None:
    assert read_picture(animation("gif", MOST_FRAMES, (8, 8))).animated

    with pytest.raises(PictureRefused, match=f"at most {MOST_FRAMES}"):
        read_picture(animation("gif", MOST_FRAMES + 1, (8, 8)))


def test_o01_frames_that_are_too_many_pixels_together_are_refused() -> None:
    # The head says how large the frames are; the frames themselves are small.
    sent = bytearray(animation("gif", 100, (8, 8)))
    sent[6:10] = struct.pack("<HH", 1_001, 1_000)

    with pytest.raises(PictureRefused, match=f"more than {MOST_PIXELS} pixels"):
        read_picture(bytes(sent))


def test_o01_a_frame_larger_than_its_picture_is_refused() -> None:
    sent = bytearray(picture("gif", (64, 64)))
    sent[6:10] = struct.pack("<HH", 32, 32)

    with pytest.raises(PictureRefused, match="larger than the picture"):
        read_picture(bytes(sent))


@settings(max_examples=150, deadline=None)
@given(
    format_=st.sampled_from(FORMATS),
    place=st.floats(0, 1, exclude_max=True),
    value=st.binary(min_size=1, max_size=8),
)
def test_o01_a_damaged_picture_is_read_or_refused_and_nothing_else(
    format_: str, place: float, value: bytes
) -> None:
    sent = bytearray(_SMALL[format_])
    at = int(place * len(sent))
    sent[at : at + len(value)] = value

    try:
        read = read_picture(bytes(sent))
    except PictureRefused:
        return
    assert read_picture(read.data).data == read.data


_SMALL = {format_: picture(format_, (24, 16)) for format_ in FORMATS}
