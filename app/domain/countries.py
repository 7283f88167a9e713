"""Countries by their ISO 3166 alpha-2 codes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from babel import Locale

from app.domain.errors import Invalid

# Territories of the Unicode list that ISO 3166 does not assign: regions, alliances and testing codes.
_NO_COUNTRIES = frozenset(
    {"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "XK", "ZZ"}
)
# In general use for Kosovo, to which ISO 3166 assigns nothing: players come from there.
_IN_USE = frozenset({"XK"})
# What platforms send for a country that they do not know: CLDR's code, which is ours, and Cloudflare's.
_UNKNOWN = frozenset({"ZZ", "XX"})


@lru_cache(maxsize=1)
def countries() -> frozenset[str]:
    """Every assigned ISO 3166 alpha-2 code."""
    territories = [str(code) for code in Locale.parse("en").territories]
    codes = {code for code in territories if len(code) == 2 and code.isalpha()}
    return frozenset(codes - _NO_COUNTRIES)


def told_country(code: str, field: str) -> str | None:
    """Where a brand says that a player is from; None for the codes of an unknown country.

    Raises Invalid for what is no country.
    """
    if code in _UNKNOWN:
        return None
    if code not in countries() and code not in _IN_USE:
        raise Invalid(
            f"{field} is not an ISO 3166 alpha-2 code, such as RO: leave it out where it is not known",
            field=(field,),
        )
    return code


def clean_countries(values: Sequence[str], field: str) -> list[str]:
    """The codes in their order of the alphabet, each once. Raises Invalid naming one that is no country."""
    found = sorted({value.strip().upper() for value in values})
    for code in found:
        if code not in countries():
            raise Invalid(
                f"{field}: {code[:20]!r} is no ISO 3166 alpha-2 country code, such as RO",
                field=(field,),
            )
    return found
