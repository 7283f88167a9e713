"""Dynamic tags of tracking links: whatever the query string, the visit is kept (A11)."""

from __future__ import annotations

from urllib.parse import parse_qs, quote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.domain.visits.click import device_of, fingerprint
from app.domain.visits.links import destination
from app.domain.visits.tags import LONGEST_NAME, LONGEST_VALUE, MOST_TAGS, Tags, parse_tags
from app.infra.encoding import dumps_text, loads

plain = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=LONGEST_NAME)


@given(st.dictionaries(plain, plain, max_size=MOST_TAGS))
def test_tags_are_read_as_they_were_written(tags: dict[str, str]) -> None:
    query = "&".join(
        f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in tags.items()
    )

    assert parse_tags(query.encode()) == Tags(tags, corrupted=False)


@given(st.binary(max_size=300))
@example(b"a=%00")
@example(b"a=%ed%a0%80")
@example(b"%=1&a=%zz&=&&==")
@example(b"a\x00b=\xff\xfe")
def test_whatever_the_query_string_its_tags_can_be_stored(query: bytes) -> None:
    tags = parse_tags(query)

    assert len(tags.values) <= MOST_TAGS
    for name, value in tags.values.items():
        assert 0 < len(name) <= LONGEST_NAME
        assert len(value) <= LONGEST_VALUE
        assert not any(ord(character) < 0x20 for character in name + value)
    assert loads(dumps_text(tags.values)) == tags.values


@pytest.mark.parametrize(
    ("query", "values", "corrupted"),
    [
        (b"", {}, False),
        (b"a=1&a=2", {"a": "1"}, False),
        (b"a", {"a": ""}, False),
        (b"a=b+c%20d", {"a": "b c d"}, False),
        (b"a=%zz", {"a": "%zz"}, True),
        (b"a=%ff", {"a": "\ufffd"}, True),
        (b"a=1%002", {"a": "1\ufffd2"}, True),
        (b"a=" + b"x" * (LONGEST_VALUE + 1), {"a": "x" * LONGEST_VALUE}, True),
    ],
    ids=ascii,
)
def test_what_cannot_be_kept_is_cut_or_replaced_and_marked(
    query: bytes, values: dict[str, str], corrupted: bool
) -> None:
    assert parse_tags(query) == Tags(values, corrupted)


def test_more_tags_than_are_kept_mark_the_visit() -> None:
    query = b"&".join(b"t%d=1" % number for number in range(MOST_TAGS + 1))

    tags = parse_tags(query)

    assert len(tags.values) == MOST_TAGS
    assert tags.corrupted


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
def test_the_landing_gets_the_stag_once_and_keeps_its_own_parameters(url: str, name: str) -> None:
    before, after = urlsplit(url), urlsplit(destination(url, name, "1_2"))

    given_before = parse_qs(before.query, keep_blank_values=True)
    assert parse_qs(after.query, keep_blank_values=True) == {**given_before, name: ["1_2"]}
    assert (after.scheme, after.netloc, after.path, after.fragment) == (
        before.scheme,
        before.netloc,
        before.path,
        before.fragment,
    )


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (None, "unknown"),
        ("", "unknown"),
        ("Mozilla/5.0 (Windows NT 10.0)", "desktop"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Mobile/15E148", "mobile"),
        ("Mozilla/5.0 (Linux; Android 15; Pixel 9)", "mobile"),
        ("Mozilla/5.0 (iPad; CPU OS 18_0)", "tablet"),
        ("Googlebot/2.1 (+http://www.google.com/bot.html)", "bot"),
        ("curl/8.5.0", "bot"),
    ],
)
def test_the_user_agent_tells_the_device(agent: str | None, device: str) -> None:
    assert device_of(agent) == device


@given(st.text(max_size=50) | st.none(), st.text(max_size=50) | st.none())
def test_a_fingerprint_is_a_signed_number_of_64_bits_the_same_each_time(
    ip: str | None, agent: str | None
) -> None:
    assert -(2**63) <= fingerprint(ip, agent) < 2**63
    assert fingerprint(ip, agent) == fingerprint(ip, agent)
