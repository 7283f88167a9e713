"""Texts that people give: names and titles."""

from __future__ import annotations

import unicodedata

from app.domain.errors import Invalid


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
