"""Content negotiation of the GraphQL-over-HTTP specification (G02)."""

from __future__ import annotations

import re
from dataclasses import dataclass

RESPONSE_JSON = "application/graphql-response+json"
JSON = "application/json"
EVENT_STREAM = "text/event-stream"
HTML = "text/html"

# A stream or a page is sent only to who names it: `*/*` and `text/*` are no wish for one.
_ONLY_BY_NAME = frozenset({EVENT_STREAM, HTML})
_UTF8 = frozenset({"utf-8", "utf8"})
_QUALITY = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Range:
    type: str
    quality: float

    def precision(self, media_type: str) -> int:
        """How exactly the range names the media type: 3 by name, 2 by its group, 1 as anything, 0 not at all."""
        if self.type == media_type:
            return 3
        if media_type in _ONLY_BY_NAME:
            return 0
        return {f"{media_type.partition('/')[0]}/*": 2, "*/*": 1}.get(self.type, 0)


def _range(text: str) -> _Range:
    media_range, *parameters = (piece.strip().lower() for piece in text.split(";"))
    quality = 1.0
    for parameter in parameters:
        name, _, value = (piece.strip() for piece in parameter.partition("="))
        if name == "q":
            quality = float(value) if _QUALITY.fullmatch(value) else 0.0
        elif name == "charset" and value.strip('"') not in _UTF8:
            return _Range(media_range, 0.0)
    return _Range(media_range, quality)


def choose(accept: str | None, offered: tuple[str, ...]) -> str | None:
    """The offered media type that the client likes best; None when it takes none.

    Of equally liked ones the more exactly named wins, then the one that the client lists first, then the one that is
    offered first. Without an Accept header the answer is `application/json`, as old clients expect.
    """
    if accept is None or not accept.strip():
        return JSON
    ranges = [_range(part) for part in accept.split(",") if part.strip()]
    best: tuple[float, int, int] = (0.0, 0, 0)
    chosen = None
    for media_type in offered:
        precision, place, quality = max(
            (
                (item.precision(media_type), -index, item.quality)
                for index, item in enumerate(ranges)
            ),
            default=(0, 0, 0.0),
        )
        rank = (quality, precision, place)
        if precision and quality and (chosen is None or rank > best):
            best, chosen = rank, media_type
    return chosen


def is_json_body(content_type: str | None) -> bool:
    """Whether a request's body is declared as JSON in UTF-8."""
    media_type, *parameters = (piece.strip().lower() for piece in (content_type or "").split(";"))
    charsets = [p[8:].strip('"') for p in parameters if p.startswith("charset=")]
    return media_type == JSON and all(charset in _UTF8 for charset in charsets)
