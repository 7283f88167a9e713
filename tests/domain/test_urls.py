"""Addresses that operators give (O01)."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import Invalid
from app.domain.urls import LONGEST_URL, clean_domain, clean_url


@pytest.mark.parametrize(
    ("given_", "stored"),
    [
        (" https://shop.example/a?b=c#d ", "https://shop.example/a?b=c#d"),
        ("HTTPS://Shop.Example:8443", "https://shop.example:8443"),
        ("https://shop.example:/", "https://shop.example/"),
        ("https://bücher.example/ä?ö=ü", "https://xn--bcher-kva.example/%C3%A4?%C3%B6=%C3%BC"),
        ("https://shop.example/%2F?a=%20&m={x}", "https://shop.example/%2F?a=%20&m={x}"),
        ("http://192.0.2.1:80/", "http://192.0.2.1:80/"),
        ("http://[2001:DB8::1]/", "http://[2001:db8::1]/"),
        ("https://shop.example/?mail=a@b.example", "https://shop.example/?mail=a@b.example"),
    ],
)
def test_o01_an_address_is_kept_in_the_characters_of_a_header(given_: str, stored: str) -> None:
    assert clean_url(given_, "url") == stored
    assert clean_url(stored, "url") == stored


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "shop.example",
        "//shop.example/",
        "https:shop.example",
        "https:/shop.example",
        "javascript:alert(1)",
        "ftp://shop.example/",
        "https:///path",
        "https://?x",
        "https://user@shop.example/",
        "https://user:pass@shop.example/",
        "https://shop.example\\@evil.example/",
        "https:\\\\shop.example/",
        "https://shop.example/a\tb",
        "https://shop.example/a\r\nSet-Cookie: x",
        "https://shop.example/\x00",
        "https://shop.example/\u2028a",
        "https://shop.example/\ud800",
        "https://shop.example/a b",
        "https://shop.example:99999/",
        "https://shop.example:0/",
        "https://shop.example:x/",
        "https://shop..example/",
        "https://-shop.example/",
        "https://straße.example/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://[v1.x]/",
        "https://127.1/",
        "https://0x7f.0x1/",
        "https://2130706433/",
        "https://%65vil.example/",
        "https://" + "a" * 64 + ".example/",
        "https://" + "a." * 130 + "example/",
        "https://shop.example/" + "a" * LONGEST_URL,
        "https://shop.example/" + "ä" * 400,
    ],
)
def test_o01_an_address_that_could_mislead_is_refused_with_its_field(bad: str) -> None:
    with pytest.raises(Invalid) as refused:
        clean_url(bad, "mainUrl")

    assert refused.value.field == ("mainUrl",)


@given(st.text(max_size=60).map(lambda rest: f"https://shop.example{rest}"))
def test_o01_what_is_accepted_is_short_ascii_and_stays_as_it_is(url: str) -> None:
    try:
        cleaned = clean_url(url, "url")
    except Invalid:
        return
    assert cleaned.isascii()
    assert cleaned.isprintable()
    assert len(cleaned) <= LONGEST_URL
    assert clean_url(cleaned, "url") == cleaned
    assert "@" not in urlsplit(cleaned).netloc


@pytest.mark.parametrize(
    ("given_", "stored"),
    [
        ("Shop.Example", "shop.example"),
        (" shop.example. ", "shop.example"),
        ("bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_w4_a_domain_is_a_name_in_lower_case(given_: str, stored: str) -> None:
    assert clean_domain(given_, "domains") == stored


@pytest.mark.parametrize(
    "bad",
    [
        "",
        ".",
        "localhost",
        "*.shop.example",
        "shop.example:80",
        "https://shop.example",
        "shop.example/path",
        "a@shop.example",
        "192.0.2.1",
        "::1",
        "shop_ example",
    ],
)
def test_w4_what_is_no_domain_is_refused(bad: str) -> None:
    with pytest.raises(Invalid):
        clean_domain(bad, "domains")
