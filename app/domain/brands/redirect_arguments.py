"""Redirect arguments: parameters that every redirect to a brand carries, with macros in their templates (O01). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.errors import Invalid

# What a template may hold between `%%` and `%%`; any other name is refused.
MACROS: Mapping[str, str] = {
    "affiliate_name": "The partner's name.",
    "affiliate_code": "The partner's public code.",
    "campaign_name": "The campaign's name.",
    "promo_code": "The promo's code, the path of its tracking link.",
    "brand_name": "The brand's name.",
    "click_id": "The id of the click, unique among all.",
}
MOST_ARGUMENTS = 20
LONGEST_NAME = 64
LONGEST_TEMPLATE = 500

_MACRO = re.compile(r"%%(.*?)%%")
_NAME = re.compile(r"[A-Za-z0-9_.\-\[\]]+")
# Lone surrogates as well: no URL can hold them.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Macro:
    """A place in a template that becomes a value of the click."""

    name: str


Part = str | Macro


def parse_template(template: str) -> tuple[Part, ...]:
    """The texts and macros of a template, in their order.

    Raises ValueError saying what is wrong and at which character, counted from 1.
    """
    parts: list[Part] = []
    end = 0
    for match in _MACRO.finditer(template):
        if match[1] not in MACROS:
            raise ValueError(
                f"%%{match[1]}%% at character {match.start() + 1} is unknown: use one of {_known()}"
            )
        if match.start() > end:
            parts.append(template[end : match.start()])
        parts.append(Macro(match[1]))
        end = match.end()
    if (open_at := template.find("%%", end)) >= 0:
        raise ValueError(f"%% at character {open_at + 1} has no end: close it with another %%")
    if end < len(template):
        parts.append(template[end:])
    return tuple(parts)


def clean_arguments(
    arguments: Sequence[tuple[str, str]], stag_parameter: str, field: str = "redirectArguments"
) -> list[list[str]]:
    """The arguments as `[name, template]`, as they are stored.

    Raises Invalid with the position, counted from 1, for more than 20, a bad, repeated or reserved name (the stag's),
    control characters, what is too long, and unknown macros.
    """
    if len(arguments) > MOST_ARGUMENTS:
        raise Invalid(
            f"{field}: {len(arguments)} arguments, at most {MOST_ARGUMENTS} are allowed",
            field=(field,),
        )
    cleaned: list[list[str]] = []
    for position, (name, template) in enumerate(arguments, start=1):
        if reason := _wrong_name(name, stag_parameter, {item[0] for item in cleaned}):
            raise Invalid(f"{field}, argument {position}: {reason}", field=(field,))
        if reason := _wrong_template(template):
            raise Invalid(f"{field}, argument {position} ({name}): {reason}", field=(field,))
        cleaned.append([name, template])
    return cleaned


def _wrong_name(name: str, stag_parameter: str, taken: set[str]) -> str | None:
    if len(name) > LONGEST_NAME:
        return f"the name has {len(name)} characters, at most {LONGEST_NAME} are allowed"
    if not _NAME.fullmatch(name):
        return "a name has letters, digits and . _ - [ ] only"
    if name == stag_parameter:
        return f"{name} is the parameter of the stag: choose another name"
    if name in taken:
        return f"{name} is there twice: leave one out"
    return None


def _wrong_template(template: str) -> str | None:
    if len(template) > LONGEST_TEMPLATE:
        return f"the value has {len(template)} characters, at most {LONGEST_TEMPLATE} are allowed"
    if found := _UNPRINTABLE.search(template):
        return f"there is a control character at character {found.start() + 1}: leave it out"
    try:
        parse_template(template)
    except ValueError as error:
        return str(error)
    return None


def _known() -> str:
    return ", ".join(f"%%{name}%%" for name in MACROS)
