"""Filling in postback templates (A14, A15)."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.postbacks.template import Unresolved, read_template, render

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
values = st.dictionaries(st.sampled_from(["a", "b", "tag.c"]), texts)


@given(values)
def test_values_arrive_as_they_are_whatever_they_hold(values: dict[str, str]) -> None:
    url = render("https://t.example/p?first=${a}&second=${b}&third=${tag.c}&last=1", values)

    names = {"first": "a", "second": "b", "third": "tag.c"}
    expected = [(name, values[key]) for name, key in names.items() if key in values]
    query = urlsplit(url).query
    assert parse_qsl(query, keep_blank_values=True) == [*expected, ("last", "1")]


@given(values)
def test_a_value_can_break_out_of_its_place_nowhere(values: dict[str, str]) -> None:
    url = render("https://t.example/${a}/x?q=${b}#${tag.c}", values)

    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc) == ("https", "t.example")
    assert re.fullmatch(r"/[^/?#]*/x", parts.path)
    assert not re.search(r"[\x00-\x20]", url)
    assert url.isascii()


def test_a_pair_without_a_value_is_left_out_elsewhere_it_becomes_empty_a15() -> None:
    template = "https://t.example/${no}/?a=${no}&b=${yes}&c=${yes}${no}&d#${no}"

    assert render(template, {"yes": "1"}) == "https://t.example//?b=1&d#"


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (Unresolved.DROP, "https://t.example//p?fixed=1#"),
        (Unresolved.EMPTY, "https://t.example//p?a=&fixed=1&b=x#"),
        (Unresolved.LITERAL, "https://t.example/${no}/p?a=${no}&fixed=1&b=x${no}#${no}"),
    ],
)
def test_each_mode_treats_a_missing_value_in_its_way_a15(mode: Unresolved, expected: str) -> None:
    template = "https://t.example/${no}/p?a=${no}&fixed=1&b=${yes}${no}#${no}"

    assert render(template, {"yes": "x"}, mode) == expected


def test_a_value_that_looks_like_a_variable_is_not_filled_in_again() -> None:
    assert render("https://t.example/?a=${a}", {"a": "${b}", "b": "1"}).endswith("?a=%24%7Bb%7D")


def test_names_are_case_sensitive_a14() -> None:
    assert render("https://t.example/?a=${ID}&b=${id}", {"id": "1"}) == "https://t.example/?b=1"


def test_the_names_of_a_template_are_listed_once_in_their_order() -> None:
    template = read_template("https://t.example/${b}?x=${a}&y=${b}&z=${tag.promo_id}#${c}")

    assert template.names == ("b", "a", "tag.promo_id", "c")
