"""What headers tell about a visitor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.clicks.visitor import (
    VisitorIds,
    cookie_of,
    device_of,
    language_of,
    network_of,
    visitor_of,
)


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (None, "unknown"),
        ("", "unknown"),
        ("Mozilla/5.0 (Windows NT 10.0)", "desktop"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Mobile/15E148", "mobile"),
        ("Mozilla/5.0 (Linux; Android 15; Pixel 9) Chrome/140.0 Mobile Safari/537.36", "mobile"),
        ("Mozilla/5.0 (Linux; Android 15; SM-X910) Chrome/140.0 Safari/537.36", "tablet"),
        ("Mozilla/5.0 (iPad; CPU OS 18_0)", "tablet"),
        ("Googlebot/2.1 (+http://www.google.com/bot.html)", "bot"),
        ("Mozilla/5.0 (Linux; Android 12; CUBOT X30) Chrome/140.0 Mobile Safari/537.36", "mobile"),
        ("curl/8.5.0", "bot"),
    ],
)
def test_the_user_agent_tells_the_device_a12(agent: str | None, device: str) -> None:
    assert device_of(agent) == device


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, None),
        (b"", None),
        (b"de-AT,de;q=0.9,en;q=0.8", "de-AT"),
        (b"en", "en"),
        (b"zh-Hant-TW", "zh-Hant-TW"),
        (b"*", None),
        (b"<script>", None),
    ],
)
def test_the_first_language_counts(header: bytes | None, language: str | None) -> None:
    assert language_of(header) == language


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        (None, None),
        ("unix", None),
    ],
)
def test_an_address_is_kept_without_its_last_part(ip: str | None, network: str | None) -> None:
    assert network_of(ip) == network


@given(st.integers(1, 2**63 - 1))
def test_a_visitor_comes_back_from_its_cookie_m01(visitor: int) -> None:
    set_cookie = cookie_of(visitor, secure=True)
    sent = set_cookie.partition(b";")[0]

    assert visitor_of(b"a=b; " + sent + b"; c=d") == visitor
    assert b"HttpOnly" in set_cookie
    assert b"Secure" in set_cookie


@given(st.binary(max_size=80))
def test_whatever_stands_in_the_cookies_the_visitor_is_a_positive_number(cookies: bytes) -> None:
    visitor = visitor_of(b"tributary_visitor=" + cookies)

    assert visitor is None or 0 < visitor < 2**63


def test_new_visitors_are_different() -> None:
    ids = VisitorIds()
    drawn = {ids.next() for _ in range(2_000)}
    assert len(drawn) == 2_000
    assert all(0 < each < 2**63 for each in drawn)
