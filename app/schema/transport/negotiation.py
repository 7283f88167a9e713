"""Content negotiation of the GraphQL-over-HTTP specification."""

from __future__ import annotations

from dataclasses import dataclass

RESPONSE_JSON = "application/graphql-response+json"
JSON = "application/json"
EVENT_STREAM = "text/event-stream"
HTML = "text/html"


@dataclass(frozen=True, slots=True)
class _Range:
    type: str
    quality: float

    def matches(self, media_type: str) -> bool:
        main = media_type.partition("/")[0]
        return self.type in {"*/*", f"{main}/*", media_type}


def _ranges(accept: str) -> list[_Range]:
    found = []
    for part in accept.split(","):
        media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = float(parameter[2:])
                except ValueError:
                    quality = 0.0
            elif parameter.startswith("charset=") and parameter[8:].strip('"') != "utf-8":
                quality = 0.0
        if media_range:
            found.append(_Range(media_range, quality))
    return found


def choose(accept: str | None, offered: tuple[str, ...]) -> str | None:
    """The offered media type that the client likes best, the earlier one on a tie; None when it takes none.

    Without an Accept header the answer is `application/json`, as old clients expect.
    """
    if accept is None or not accept.strip():
        return JSON
    ranges = _ranges(accept)
    best: tuple[float, str] | None = None
    for media_type in offered:
        named = [item for item in ranges if item.type == media_type]
        matching = named or [item for item in ranges if item.matches(media_type)]
        quality = max((item.quality for item in matching), default=0.0)
        # A range such as */* is not a wish for a stream or a page.
        if not named and media_type in {EVENT_STREAM, HTML}:
            continue
        if quality > 0 and (best is None or quality > best[0]):
            best = (quality, media_type)
    return best[1] if best else None


def is_json_body(content_type: str | None) -> bool:
    """Whether a request's body is declared as JSON in UTF-8."""
    media_type, *parameters = (piece.strip().lower() for piece in (content_type or "").split(";"))
    charsets = [p[8:].strip('"') for p in parameters if p.startswith("charset=")]
    return media_type == JSON and all(charset in {"utf-8", "utf8"} for charset in charsets)
