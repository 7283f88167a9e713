"""Redirect arguments, ignored addresses, countries and languages: what is accepted, and what is told (O01, A12)."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.brands.ignored_addresses import clean_addresses
from app.domain.brands.landings import clean_language
from app.domain.brands.redirect_arguments import (
    MACROS,
    Macro,
    clean_arguments,
    parse_template,
)
from app.domain.countries import clean_countries, countries
from app.domain.errors import Invalid


def test_o01_the_macros_are_these() -> None:
    assert set(MACROS) == {
        "affiliate_name",
        "affiliate_code",
        "campaign_name",
        "promo_code",
        "brand_name",
        "click_id",
    }


@pytest.mark.parametrize("name", sorted(MACROS))
def test_o01_each_macro_may_stand_anywhere_in_a_template(name: str) -> None:
    parts = parse_template(f"a-%%{name}%%%%{name}%%-100%")

    assert parts == ("a-", Macro(name), Macro(name), "-100%")


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("x-%%partner%%", "character 3 is unknown"),
        ("%%%%", "character 1 is unknown"),
        ("%%Click_ID%%", "character 1 is unknown"),
        ("%%click_id%% and %%", "character 18 has no end"),
        ("ab\x07", "control character at character 3"),
        ("x" * 501, "at most 500"),
    ],
)
def test_o01_a_bad_template_is_refused_with_its_position(template: str, told: str) -> None:
    with pytest.raises(Invalid) as refused:
        clean_arguments([("first", "fine"), ("second", template)], "stag")

    assert "argument 2 (second)" in refused.value.message
    assert told in refused.value.message
    assert refused.value.field == ("redirectArguments",)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([("stag", "x")], "parameter of the stag"),
        ([("a", "1"), ("a", "2")], "argument 2: a is there twice"),
        ([("", "x")], "letters, digits"),
        ([("a b", "x")], "letters, digits"),
        ([("a&b", "x")], "letters, digits"),
        ([("a\n", "x")], "letters, digits"),
        ([("a" * 65, "x")], "at most 64"),
        ([(f"a{number}", "x") for number in range(21)], "at most 20"),
    ],
)
def test_o01_a_bad_name_is_refused(arguments: list[tuple[str, str]], told: str) -> None:
    with pytest.raises(Invalid, match=told):
        clean_arguments(arguments, "stag")


@given(st.lists(st.sampled_from(["%%click_id%%", "%%promo_code%%", "a", "%", "é", "&="])))
def test_o01_a_template_is_the_sum_of_its_parts(pieces: list[str]) -> None:
    template = "".join(pieces)
    try:
        parts = parse_template(template)
    except ValueError:
        return
    written = [f"%%{part.name}%%" if isinstance(part, Macro) else part for part in parts]
    assert "".join(written) == template


def test_a12_addresses_are_normalised_sorted_and_kept_once() -> None:
    given_ = [
        "2001:DB8::1/48",
        "198.51.100.7/24",
        "::ffff:192.0.2.1",
        " 192.0.2.1 ",
        "192.0.2.1/32",
        "::ffff:10.0.0.0/104",
        "2001:db8::1/128",
    ]

    assert clean_addresses(given_) == [
        "10.0.0.0/8",
        "192.0.2.1",
        "198.51.100.0/24",
        "2001:db8::/48",
        "2001:db8::1",
    ]


@pytest.mark.parametrize(
    "bad",
    [
        *("", "10.0.0", "10.0.0.0/33", "fe80::1%eth0", "shop.example", "1.2.3.4-1.2.3.9"),
        *("0.0.0.0/0", "::/0", "10.0.0.0/7", "2000::/15", "010.0.0.1"),
    ],
)
def test_a12_what_is_no_address_or_too_wide_is_refused_with_its_position(bad: str) -> None:
    with pytest.raises(Invalid, match="address 2") as refused:
        clean_addresses(["192.0.2.1", bad])

    assert refused.value.field == ("ignoredIps",)


def test_a12_a_brand_ignores_at_most_a_thousand_addresses() -> None:
    with pytest.raises(Invalid, match="at most 1,000"):
        clean_addresses(
            [str(ipaddress.ip_address(number)) for number in range(2**31, 2**31 + 1001)]
        )


@given(st.ip_addresses())
def test_a12_normalising_twice_changes_nothing(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if getattr(address, "scope_id", None) is None:
        once = clean_addresses([str(address)])
        assert clean_addresses(once) == once


def test_o01_countries_are_those_of_iso_3166() -> None:
    assert len(countries()) == 249
    assert clean_countries([" ro", "DE", "RO"], "countries") == ["DE", "RO"]
    for bad in ("EU", "ZZ", "XK", "UK", "ROU", "419", ""):
        with pytest.raises(Invalid):
            clean_countries([bad], "countries")


@pytest.mark.parametrize(
    ("given_", "stored"),
    [("EN", "en"), ("pt-br", "pt-BR"), ("ZH-hant", "zh-Hant"), ("", None), (None, None)],
)
def test_o01_a_language_is_written_in_one_way(given_: str | None, stored: str | None) -> None:
    assert clean_language(given_) == stored


def test_o01_what_is_no_language_is_refused() -> None:
    for bad in ("english", "en_US", "e", "en-"):
        with pytest.raises(Invalid):
            clean_language(bad)
