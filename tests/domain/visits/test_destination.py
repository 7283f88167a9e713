"""Destinations: the landing with the stag and the brand's arguments, never a second header or another host."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.visits.destination import LONGEST, destination, template

PROMO, VISIT = 7, 42


def sent_to(url: str, name: str = "stag", **options: object) -> str:
    return destination(template(url, PROMO, name, **options), VISIT)  # type: ignore[arg-type]


@given(
    st.sampled_from(
        [
            "https://b.example/",
            "https://b.example/p?lang=en&x=",
            "https://b.example/p?stag=old&stag=older",
            "https://b.example/p?q=a%20b%26c#part",
        ]
    ),
    st.sampled_from(["stag", "visit_id", "s[t]ag"]),
)
def test_the_landing_gets_the_stag_once_and_keeps_its_own_parameters_a10(
    url: str, name: str
) -> None:
    before, after = urlsplit(url), urlsplit(sent_to(url, name))

    given_before = parse_qs(before.query, keep_blank_values=True)
    assert parse_qs(after.query, keep_blank_values=True) == {**given_before, name: ["7_42"]}
    assert (after.scheme, after.netloc, after.path, after.fragment) == (
        before.scheme,
        before.netloc,
        before.path,
        before.fragment,
    )


@given(st.text(max_size=60))
def test_no_landing_ends_the_header_line(tail: str) -> None:
    url = sent_to(f"https://b.example/{tail}")

    assert url.isascii()
    assert url.isprintable()
    assert " " not in url


@given(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=60))
def test_no_value_of_a_macro_leaves_its_place(value: str) -> None:
    url = sent_to(
        "https://b.example/",
        arguments=[("aff", "x-%%affiliate_name%%")],
        macros={"affiliate_name": value},
    )

    assert parse_qs(urlsplit(url).query, keep_blank_values=True) == {
        "aff": [f"x-{value}"],
        "stag": ["7_42"],
    }


def test_a_macro_may_be_the_clicks_own_id_o01() -> None:
    url = sent_to("https://b.example/", arguments=[("sub", "a%%click_id%%b%%click_id%%")])

    assert url == "https://b.example/?sub=a42b42&stag=7_42"


def test_an_unknown_macro_stays_as_it_is_written() -> None:
    url = sent_to("https://b.example/", arguments=[("sub", "%%what%%")])

    assert parse_qs(urlsplit(url).query)["sub"] == ["%%what%%"]


def test_placeholders_of_ad_platforms_survive_w4() -> None:
    url = sent_to("https://b.example/?gclid={gclid}&u={lpurl}")

    assert url == "https://b.example/?gclid={gclid}&u={lpurl}&stag=7_42"


def test_a_host_in_other_letters_is_sent_in_its_ascii_form() -> None:
    assert sent_to("https://bücher.example/") == "https://xn--bcher-kva.example/?stag=7_42"


@pytest.mark.parametrize("url", ["https://b.example", "https://b.example?", "https://b.example/#x"])
def test_a_landing_without_a_path_or_query_is_a_landing(url: str) -> None:
    assert parse_qs(urlsplit(sent_to(url)).query) == {"stag": ["7_42"]}


@given(
    st.integers(0, 2_000),
    st.lists(st.integers(0, 500), max_size=20),
    st.sampled_from(["x", "ä", "%%click_id%%"]),
)
def test_no_url_is_longer_than_a_visit_can_hold_o01(
    path: int, arguments: list[int], text: str
) -> None:
    pieces = template(
        f"https://b.example/{'p' * path}",
        2**63 - 1,
        "s" * 64,
        [(f"name{n}", (text * 500)[:length]) for n, length in enumerate(arguments)],
        {},
    )

    assert len(destination(pieces, 2**63 - 1)) <= LONGEST
