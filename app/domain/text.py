"""Texts that people give: names and titles."""

from __future__ import annotations

import re
import unicodedata

from app.domain.errors import Invalid

# Embeddings, overrides and isolates: with them a text reads otherwise than it is, also that around it.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
# Letters and signs without a picture: Hangul fillers, the empty Braille pattern.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_LANGUAGE = re.compile(r"([a-z]{2,3})(?:-([a-z]{4}))?(?:-([a-z]{2}|[0-9]{3}))?", re.ASCII)


def clean_name(value: str, field: str, longest: int) -> str:
    """A name without surrounding space or control characters, in NFC.

    Raises Invalid naming the field and the limit when nothing is left that can be seen, when it is too long, and for
    characters that turn the text around them.
    """
    name = unicodedata.normalize("NFC", value).strip()
    if not name:
        raise Invalid(f"{field} is empty", field=(field,))
    if len(name) > longest:
        raise Invalid(
            f"{field} has {len(name)} characters, at most {longest} are allowed", field=(field,)
        )
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        raise Invalid(f"{field} holds control characters: leave them out", field=(field,))
    if turned := _TURNING.search(name):
        raise Invalid(
            f"{field} holds U+{ord(turned[0]):04X}, which turns the direction of the text around it: leave it out",
            field=(field,),
        )
    if not any(_is_visible(character) for character in name):
        raise Invalid(
            f"{field} holds nothing that can be seen: write letters, digits or signs",
            field=(field,),
        )
    return name


def _is_visible(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNPS" and character not in _BLANK


def clean_language(value: str, field: str) -> str:
    """A BCP 47 language tag as it is usually written, such as `en`, `pt-BR` or `sr-Latn-RS`. Raises Invalid."""
    match = _LANGUAGE.fullmatch(value.strip().lower())
    if match is None:
        raise Invalid(f"{field} is no language: send a tag such as en or pt-BR", field=(field,))
    language, script, region = match.groups()
    parts = (language, script and script.title(), region and region.upper())
    return "-".join(part for part in parts if part)
