"""Reading request bodies up to a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request


class BodyTooLarge(Exception):
    """The body is larger than the door takes."""


async def read_body(request: Request, largest: int) -> bytes:
    """The raw body; raises BodyTooLarge as soon as it is, without keeping it."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > largest:
        raise BodyTooLarge
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > largest:
            raise BodyTooLarge
        chunks.append(chunk)
    return b"".join(chunks)
