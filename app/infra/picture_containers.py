"""The containers of pictures, taken apart and put together again without what is no picture.

Each reader walks the pieces of its format from the first byte to the last. It keeps the pieces that make the picture
and its colours, drops texts, camera data and whatever it does not know, and refuses what is incomplete or goes on after
its end: a page or a script may hide there. The one thing that is kept of camera data is how the picture is turned.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass


class NotThisFormat(Exception):
    """The pieces do not make a picture of this format; the text goes on after “the PNG picture …”."""


@dataclass(frozen=True, slots=True)
class Container:
    """What the pieces say, in pixels as stored, and the pieces that stay. `orientation` is EXIF's, 1 to 8."""

    width: int
    height: int
    frames: int
    orientation: int
    data: bytes


_INCOMPLETE = "ends too early: send the whole file"
_GOES_ON = "goes on after its end: save it again without what is appended"


# PNG: https://www.w3.org/TR/png-3/

_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB"}
    | {b"cICP", b"bKGD", b"pHYs", b"acTL", b"fcTL", b"fdAT"}
)


def png(data: bytes) -> Container:
    """Read a PNG. Raises NotThisFormat."""
    kept, width, height, frames, orientation = [_PNG_START], 0, 0, 0, 1
    first, alone = True, 0
    for name, content, piece in _png_chunks(data):
        if first != (name == b"IHDR") or (first and len(content) != 13):
            raise NotThisFormat("does not begin with its size: save it again")
        if first:
            width, height = struct.unpack(">II", content[:8])
        first = False
        if name == b"IDAT" and not frames:
            # The picture for viewers that do not animate: one more to be decoded.
            alone = 1
        if name == b"fcTL":
            frames += 1
        if name == b"eXIf":
            orientation = _exif_orientation(content)
        elif name in _PNG_KEPT:
            kept.append(piece)
    if orientation != 1:
        kept.insert(2, _png_chunk(b"eXIf", _exif(orientation)))
    return Container(width, height, frames + alone, orientation, b"".join(kept))


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """The chunks up to the last one: name, content, and the whole piece."""
    at = len(_PNG_START)
    while True:
        if at + 12 > len(data):
            raise NotThisFormat(_INCOMPLETE)
        length = int.from_bytes(data[at : at + 4])
        end = at + 12 + length
        if end > len(data):
            raise NotThisFormat(_INCOMPLETE)
        name, content = data[at + 4 : at + 8], data[at + 8 : end - 4]
        if zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end]):
            raise NotThisFormat("is damaged: a checksum does not match")
        yield name, content, data[at:end]
        at = end
        if name == b"IEND":
            break
    if at != len(data):
        raise NotThisFormat(_GOES_ON)


def _png_chunk(name: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)


# JPEG: https://www.w3.org/Graphics/JPEG/itu-t81.pdf

_JPEG_SIZE = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_SCAN, _JPEG_END = 0xDA, 0xD9
# After a scan's coded data: a marker that is no stuffing, no restart and no filler.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
# JFIF, ICC profiles, and Adobe's colour transform: without them the colours change.
_JPEG_KEPT = {0xE0: b"JFIF\x00", 0xE2: b"ICC_PROFILE\x00", 0xEE: b"Adobe"}


def jpeg(data: bytes) -> Container:
    """Read a JPEG. Raises NotThisFormat."""
    kept, width, height, orientation, at = [b"\xff\xd8"], 0, 0, 1, 2
    while True:
        marker, content, end = _jpeg_segment(data, at)
        if marker == _JPEG_END:
            break
        if marker == _JPEG_SCAN:
            following = _JPEG_MARKER.search(data, end)
            if following is None:
                raise NotThisFormat(_INCOMPLETE)
            end = following.start()
        elif marker in _JPEG_SIZE:
            if len(content) < 6:
                raise NotThisFormat("has no size: save it again")
            height, width = struct.unpack(">HH", content[1:5])
        elif marker == 0xE1 and content.startswith(b"Exif\x00\x00"):
            orientation = _exif_orientation(content[6:])
        if _jpeg_stays(marker, content):
            kept.append(data[at:end])
        at = end
    if end != len(data):
        raise NotThisFormat(_GOES_ON)
    kept.append(b"\xff\xd9")
    if orientation != 1:
        content = b"Exif\x00\x00" + _exif(orientation)
        place = 2 if len(kept) > 1 and kept[1].startswith(b"\xff\xe0") else 1
        kept.insert(place, b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content)
    return Container(width, height, 1, orientation, b"".join(kept))


def _jpeg_stays(marker: int, content: bytes) -> bool:
    """Whether a segment makes the picture: tables, sizes, scans, and of the others those that make its colours."""
    if 0xE0 <= marker <= 0xEF:
        return marker in _JPEG_KEPT and content.startswith(_JPEG_KEPT[marker])
    return marker != 0xFE


def _jpeg_segment(data: bytes, at: int) -> tuple[int, bytes, int]:
    """The segment at a place: its marker, its content, and where it ends."""
    while data[at : at + 2] == b"\xff\xff":
        at += 1
    if at + 2 > len(data):
        raise NotThisFormat(_INCOMPLETE)
    if data[at] != 0xFF or data[at + 1] < 0xC0:
        raise NotThisFormat("is damaged: a piece does not begin where it should")
    marker = data[at + 1]
    if marker == _JPEG_END:
        return marker, b"", at + 2
    length = int.from_bytes(data[at + 2 : at + 4])
    end = at + 2 + length
    if length < 2 or end > len(data):
        raise NotThisFormat(_INCOMPLETE)
    return marker, data[at + 4 : end], end


# GIF: https://www.w3.org/Graphics/GIF/spec-gif89a.txt

_GIF_IMAGE, _GIF_EXTENSION, _GIF_END = 0x2C, 0x21, 0x3B
_GIF_CONTROL, _GIF_APPLICATION = 0xF9, 0xFF
# They say how often an animation is repeated.
_GIF_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


def gif(data: bytes) -> Container:
    """Read a GIF. Raises NotThisFormat."""
    if len(data) < 13:
        raise NotThisFormat(_INCOMPLETE)
    width, height = struct.unpack("<HH", data[6:10])
    at = 13 + _gif_colours(data[10])
    kept, frames = [data[:at]], 0
    while True:
        if at >= len(data):
            raise NotThisFormat(_INCOMPLETE)
        kind, start = data[at], at
        if kind == _GIF_END:
            break
        if kind == _GIF_IMAGE:
            at = _gif_image(data, at, width, height)
            frames += 1
            kept.append(data[start:at])
        elif kind == _GIF_EXTENSION:
            at = _gif_blocks(data, at + 2)
            if _gif_stays(data[start:at]):
                kept.append(data[start:at])
        else:
            raise NotThisFormat("is damaged: a piece does not begin where it should")
    if at + 1 != len(data):
        raise NotThisFormat(_GOES_ON)
    if not frames:
        raise NotThisFormat("holds no picture")
    return Container(width, height, frames, 1, b"".join((*kept, b";")))


def _gif_stays(extension: bytes) -> bool:
    loops = extension[1] == _GIF_APPLICATION and extension[3:14] in _GIF_LOOPS
    return extension[1] == _GIF_CONTROL or loops


def _gif_image(data: bytes, at: int, width: int, height: int) -> int:
    """Where the frame at a place ends. It must lie within the picture: a larger one would be a hidden bomb."""
    if at + 10 > len(data):
        raise NotThisFormat(_INCOMPLETE)
    left, top, wide, high = struct.unpack("<HHHH", data[at + 1 : at + 9])
    if left + wide > width or top + high > height:
        raise NotThisFormat("has a frame that is larger than the picture: save it again")
    return _gif_blocks(data, at + 10 + _gif_colours(data[at + 9]) + 1)


def _gif_colours(flags: int) -> int:
    """The bytes of the colour table that the flags announce."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _gif_blocks(data: bytes, at: int) -> int:
    """Where the row of sub-blocks at a place ends."""
    while True:
        if at >= len(data):
            raise NotThisFormat(_INCOMPLETE)
        length = data[at]
        at += 1 + length
        if length == 0:
            return at


# WebP: https://developers.google.com/speed/webp/docs/riff_container

_WEBP_KEPT = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
_WEBP_EXIF, _WEBP_XMP = 0x08, 0x04


def webp(data: bytes) -> Container:
    """Read a WebP. Raises NotThisFormat."""
    size = int.from_bytes(data[4:8], "little") + 8
    if size > len(data):
        raise NotThisFormat(_INCOMPLETE)
    if size < len(data):
        raise NotThisFormat(_GOES_ON)
    pieces: list[tuple[bytes, bytes]] = []
    width, height, frames, orientation = 0, 0, 0, 1
    for name, content in _webp_chunks(data):
        if not pieces:
            width, height = _webp_size(name, content)
        frames += name == b"ANMF"
        if name == b"EXIF":
            orientation = _exif_orientation(content.removeprefix(b"Exif\x00\x00"))
        elif name in _WEBP_KEPT:
            pieces.append((name, content))
    if orientation != 1:
        pieces.append((b"EXIF", _exif(orientation)))
    if pieces[0][0] == b"VP8X":
        flags = pieces[0][1][0] & ~(_WEBP_EXIF | _WEBP_XMP)
        flags |= _WEBP_EXIF if orientation != 1 else 0
        pieces[0] = (b"VP8X", bytes([flags]) + pieces[0][1][1:])
    body = b"WEBP" + b"".join(_webp_chunk(name, content) for name, content in pieces)
    whole = b"RIFF" + struct.pack("<I", len(body)) + body
    return Container(width, height, max(frames, 1), orientation, whole)


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    if at >= len(data):
        raise NotThisFormat(_INCOMPLETE)
    while at < len(data):
        if at + 8 > len(data):
            raise NotThisFormat(_INCOMPLETE)
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + length + length % 2
        if end > len(data):
            raise NotThisFormat(_INCOMPLETE)
        yield data[at : at + 4], data[at + 8 : at + 8 + length]
        at = end


def _webp_chunk(name: bytes, content: bytes) -> bytes:
    padding = b"\x00" * (len(content) % 2)
    return name + struct.pack("<I", len(content)) + content + padding


def _webp_size(name: bytes, content: bytes) -> tuple[int, int]:
    """The size that the first chunk tells."""
    if len(content) < 10:
        raise NotThisFormat(_INCOMPLETE)
    if name == b"VP8X":
        width, height = content[4:7], content[7:10]
        return int.from_bytes(width, "little") + 1, int.from_bytes(height, "little") + 1
    if name == b"VP8L":
        bits = int.from_bytes(content[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if name == b"VP8 ":
        width, height = struct.unpack("<HH", content[6:10])
        return width & 0x3FFF, height & 0x3FFF
    raise NotThisFormat("does not begin with its size: save it again")


# EXIF, of which only the orientation matters: https://www.cipa.jp/std/documents/download_e.html?DC-008-Translation-2023-E

_ORIENTATION = 0x0112


def _exif_orientation(block: bytes) -> int:
    """The orientation of an EXIF block; 1, upright, when it does not say one."""
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None or len(block) < 8:
        return 1
    (at,) = struct.unpack(f"{order}I", block[4:8])
    if at + 2 > len(block):
        return 1
    (count,) = struct.unpack(f"{order}H", block[at : at + 2])
    for place in range(at + 2, min(at + 2 + 12 * count, len(block) - 11), 12):
        tag, kind, _, value = struct.unpack(f"{order}HHIH", block[place : place + 10])
        if tag == _ORIENTATION and kind == 3 and 1 <= value <= 8:
            return int(value)
    return 1


def _exif(orientation: int) -> bytes:
    """An EXIF block that says the orientation alone."""
    return struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, _ORIENTATION, 3, 1, orientation, 0, 0)
