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


@given(st.text(max_size=300))
def test_any_text_is_a_name_that_can_be_stored_or_refused(text: str) -> None:
    try:
        name = clean_name(text, "name", 200)
    except Invalid:
        return
    assert 0 < len(name) <= 200
    assert "\x00" not in name
    assert name.encode().decode() == name == clean_name(name, "name", 200)
