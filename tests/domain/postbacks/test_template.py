"""Postback templates: what is accepted, and what becomes of their variables (A14 to A16)."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import Invalid
from app.domain.postbacks.template import LONGEST_TEMPLATE, check_template, render

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
values = st.dictionaries(st.sampled_from(["a", "b", "tag.c"]), texts)


@pytest.mark.parametrize(
    "url",
    [
        "https://t.example/",
        "http://t.example:8080/p?click=${visit_id}&x=1#${a}",
        "https://t.example/${promo_id}/?a=${tag.c}",
        "https://user:pass@t.example/",
    ],
)
def test_a_template_is_kept_as_it_is(url: str) -> None:
    assert check_template(f"  {url} ") == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "t.example/",
        "ftp://t.example/",
        "javascript:alert(1)",
        "https:///path",
        "https://",
        "https://${host}/",
        "https://t${x}.example/",
        "https://t.example/?a=${}",
        "https://t.example/a b",
        "https://t.example/\n",
        "https://t.example/a\x00b",
        "https://t.example/\x7f",
        "https://t.example/\ud800",
        "https://[::1",
        "https://t.example/" + "x" * LONGEST_TEMPLATE,
    ],
    ids=ascii,
)
def test_what_cannot_be_called_is_refused(url: str) -> None:
    if url.strip() != url:
        assert check_template(url) == url.strip()
        return
    with pytest.raises(Invalid) as refusal:
        check_template(url)

    assert refusal.value.field == ("url",)


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
