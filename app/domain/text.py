"""Texts that people give: names and titles."""

from __future__ import annotations

import re
import unicodedata

from app.domain.errors import Invalid

_LANGUAGE = re.compile(r"([a-z]{2,3})(?:-([a-z]{4}))?(?:-([a-z]{2}|[0-9]{3}))?", re.ASCII)


def clean_name(value: str, field: str, longest: int) -> str:
    """A name without surrounding space or control characters, in NFC.

    Raises Invalid naming the field and the limit when nothing is left, or when it is too long.
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
    return name


def clean_language(value: str, field: str) -> str:
    """A BCP 47 language tag as it is usually written, such as `en`, `pt-BR` or `sr-Latn-RS`. Raises Invalid."""
    match = _LANGUAGE.fullmatch(value.strip().lower())
    if match is None:
        raise Invalid(f"{field} is no language: send a tag such as en or pt-BR", field=(field,))
    language, script, region = match.groups()
    parts = (language, script and script.title(), region and region.upper())
    return "-".join(part for part in parts if part)
