"""Names that people give."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import Invalid
from app.domain.text import clean_name


@pytest.mark.parametrize(
    ("given_name", "kept"), [("  Été  ", "Été"), ("E\u0301te\u0301", "Été"), ("日本 🗻", "日本 🗻")]
)
def test_a_name_is_kept_without_the_space_around_it(given_name: str, kept: str) -> None:
    assert clean_name(given_name, "name", 200) == kept


@pytest.mark.parametrize(
    "bad", ["", "   ", "\n", "a\x00b", "a\nb", "a\x7fb", "a\x85b", "\ud800", "x" * 201], ids=ascii
)
def test_a_name_that_is_none_is_refused_by_its_field(bad: str) -> None:
    with pytest.raises(Invalid) as refusal:
        clean_name(bad, "title", 200)

    assert refusal.value.field == ("title",)


@pytest.mark.parametrize(
    "bad",
    ["\u200b", "\u200b \u2060\ufeff", "\u200d\u200c", "\u3164", "\u2800", "\ufe0f", "\u00ad"],
    ids=ascii,
)
def test_a_name_of_invisible_characters_alone_is_refused(bad: str) -> None:
    with pytest.raises(Invalid, match="title holds nothing that can be seen") as refusal:
        clean_name(bad, "title", 200)

    assert refusal.value.field == ("title",)


@pytest.mark.parametrize(
    "character", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", ids=ascii
)
def test_a_name_that_turns_the_text_around_it_is_refused(character: str) -> None:
    words = f"title holds U\\+{ord(character):04X}, which turns the direction"
    with pytest.raises(Invalid, match=words) as refusal:
        clean_name(f"invoice{character}fdp.exe", "title", 200)

    assert refusal.value.field == ("title",)


@pytest.mark.parametrize(
    "name",
    [
        "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\U0001f469\u200d\U0001f680",
        "\u2764\ufe0f",
        "\u05e9\u05dc\u05d5\u05dd\u200f!",
        "7",
        "?",
    ],
    ids=ascii,
)
def test_joiners_and_marks_that_a_name_needs_are_kept(name: str) -> None:
    assert clean_name(name, "title", 200) == name


@given(st.text(max_size=300))
def test_any_text_is_a_name_that_can_be_stored_or_refused(text: str) -> None:
    try:
        name = clean_name(text, "name", 200)
    except Invalid:
        return
    assert 0 < len(name) <= 200
    assert "\x00" not in name
    assert name.encode().decode() == name == clean_name(name, "name", 200)
