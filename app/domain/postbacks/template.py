"""Postback URL templates: `${name}` in a URL becomes a value of the event or a tag of the visit (A14–A16)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from app.domain.errors import Invalid

LONGEST_TEMPLATE = 4_000
# Lone surrogates as well: no text in UTF-8 can hold them.
_UNPRINTABLE = re.compile("[\x00-\x20\x7f\ud800-\udfff]")
_VARIABLE = re.compile(r"\$\{([^{}]*)\}")


def check_template(url: str) -> str:
    """The template, trimmed. Raises Invalid saying what is wrong with it."""
    template = url.strip()
    if len(template) > LONGEST_TEMPLATE:
        raise Invalid(f"the URL is longer than {LONGEST_TEMPLATE} characters", field=("url",))
    if _UNPRINTABLE.search(template):
        raise Invalid("the URL holds spaces or control characters", field=("url",))
    try:
        parts = urlsplit(template)
        host = parts.hostname
    except ValueError as error:
        raise Invalid(f"this is not a URL: {error}", field=("url",)) from None
    if parts.scheme not in {"http", "https"}:
        raise Invalid("the URL must start with http:// or https://", field=("url",))
    if not host or "$" in host:
        raise Invalid("the URL must name the host of your tracker", field=("url",))
    if any(not name for name in _VARIABLE.findall(template)):
        raise Invalid("a variable has no name: write ${visit_id}", field=("url",))
    return template


def render(template: str, values: Mapping[str, str]) -> str:
    """The URL with every variable replaced and URL-encoded.

    A query pair with a variable that has no value is left out (UNRESOLVED_DROP, A15); elsewhere it becomes empty.
    """
    head, mark, query = template.partition("?")
    query, hash_mark, fragment = query.partition("#")
    kept = [
        _fill(pair, values)
        for pair in query.split("&")
        if all(name in values for name in _VARIABLE.findall(pair))
    ]
    return _fill(head, values) + mark + "&".join(kept) + hash_mark + _fill(fragment, values)


def _fill(text: str, values: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda match: quote(values.get(match[1], ""), safe=""), text)
