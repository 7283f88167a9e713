"""Where a click is sent: the landing with the stag, the brand's redirect arguments and their macros (A10, O01).

All of it but the click's id is known when the link is looked up, so a destination is a template: pieces of text with
the id between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote, unquote_plus, urlsplit, urlunsplit

# Stands for the click's id; it is in no URL, because control characters are encoded.
_ID = "\x00"
# What a URL may hold as it is; braces are no URL characters, but what ad platforms left literal must survive (W4).
_KEPT = "!#$%&'()*+,/:;=?@[]~{}|^`"
LONGEST = 8_000
# Characters of the largest id of a click.
_LONGEST_ID = 19

Template = tuple[str, ...]


def stag(promo_id: int, visit_id: int) -> str:
    """What the brand gets: `{promo_id}_{visit_id}`."""
    return f"{promo_id}_{visit_id}"


def template(
    url: str,
    promo_id: int | None,
    stag_parameter: str,
    arguments: Iterable[Sequence[str]] = (),
    macros: Mapping[str, str] | None = None,
    extra: Iterable[tuple[str, str]] = (),
) -> Template:
    """The destination that leads to `url`.

    Without a promo it has no stag. `arguments` are the brand's pairs of name and text with macros, `extra` further
    pairs. The URL's own parameters come first and stay as they are written; one of a name that is added here is
    replaced. Arguments that would make it longer than LONGEST are left out, all of them: browsers refuse such a URL,
    and nobody would arrive.
    """
    pieces = _template(url, promo_id, stag_parameter, arguments, macros, extra)
    if is_too_long(pieces):
        return _template(url, promo_id, stag_parameter, (), {}, extra)
    return pieces


def _template(
    url: str,
    promo_id: int | None,
    stag_parameter: str,
    arguments: Iterable[Sequence[str]],
    macros: Mapping[str, str] | None,
    extra: Iterable[tuple[str, str]],
) -> Template:
    values = {name: value.replace(_ID, "") for name, value in (macros or {}).items()}
    values["click_id"] = _ID
    added = [(name, _filled(text, values)) for name, text in arguments]
    added += [(name, _quoted(value.replace(_ID, ""))) for name, value in extra]
    if promo_id is not None:
        added.append((stag_parameter, f"{promo_id}_{_ID}"))
    names = {name for name, _ in added}
    parts = urlsplit(_ascii(url))
    own = [pair for pair in parts.query.split("&") if pair and _name(pair) not in names]
    query = "&".join([*own, *(f"{quote(name, safe='')}={value}" for name, value in added)])
    whole = urlunsplit((parts.scheme, parts.netloc, parts.path, query, parts.fragment))
    return tuple(whole.split(_ID))


def is_too_long(pieces: Template) -> bool:
    """Whether the URL of a click could be longer than LONGEST characters, which no visit can hold."""
    return len(destination(pieces, 10**_LONGEST_ID - 1)) > LONGEST


def destination(pieces: Template, visit_id: int) -> str:
    """The URL of one click."""
    return str(visit_id).join(pieces)


def _filled(text: str, values: Mapping[str, str]) -> str:
    """The text with its macros replaced, ready for a query."""
    parts = text.split("%%")
    # Every second part stands between two pairs of percent signs; a name that is no macro stays as it is written.
    if len(parts) % 2 == 0:
        return _quoted(text)
    filled = [
        _quoted(part)
        if place % 2 == 0
        else _quoted(values[part])
        if part in values
        else _quoted(f"%%{part}%%")
        for place, part in enumerate(parts)
    ]
    return "".join(filled)


def _quoted(text: str) -> str:
    return _ID.join(quote(part, safe="{}") for part in text.split(_ID))


def _name(pair: str) -> str:
    return unquote_plus(pair.partition("=")[0])


def _ascii(url: str) -> str:
    """The URL in the characters of a header line: nobody ends the line, or begins another, through a landing."""
    parts = urlsplit(url)
    host = parts.netloc
    if not host.isascii():
        name, colon, port = host.partition(":")
        try:
            host = f"{name.encode('idna').decode()}{colon}{port}"
        except UnicodeError:
            host = quote(host, safe="")
    return "".join(
        quote(part, safe=_KEPT)
        for part in (
            f"{parts.scheme}://{host}{parts.path}",
            f"?{parts.query}" if parts.query else "",
            f"#{parts.fragment}" if parts.fragment else "",
        )
    )
