"""Dynamic tags of tracking links: whatever the query string, the visit is kept (A11)."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.domain.visits.tags import (
    LONGEST_NAME,
    LONGEST_VALUE,
    MOST_TAGS,
    Tags,
    broken_tags,
    parse_tags,
)
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
        (b"a=1&amp;b=2&amp;c=%26amp;", {"a": "1", "b": "2", "c": "&amp;"}, False),
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


@pytest.mark.parametrize(
    ("query", "value", "corrupted"),
    [
        (b"visit_id=%23reqid%23", {"visit_id": "#reqid#"}, False),
        (b"ctag={clickid}", {"ctag": "{clickid}"}, False),
        (b"ctag=%7Bclickid%7D", {"ctag": "{clickid}"}, False),
        (b"webID=[X]", {"webID": "[X]"}, False),
        (b"transactionid=%/n/h3D1021df233", {"transactionid": "%/n/h3D1021df233"}, True),
        (b"webID=12345&clickID=67890", {"webID": "12345", "clickID": "67890"}, False),
        (b"a=" + b"8" * 8192, {"a": "8" * LONGEST_VALUE}, True),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_every_form_of_the_manuals_examples_is_kept_a11(
    query: bytes, value: dict[str, str], corrupted: bool
) -> None:
    assert parse_tags(query) == Tags(value, corrupted)


@pytest.mark.parametrize(
    ("query", "broken"),
    [
        (b"a=1&b=%zz", {"b"}),
        (b"a=1&b=%ff", {"b"}),
        (b"a=1&b=%00", {"b"}),
        (b"a=1&b=" + b"x" * (LONGEST_VALUE + 1), {"b"}),
        (b"a=1&b=%%32F", {"b"}),
        (b"a=1&" + b"b" * (LONGEST_NAME + 1), {"b" * LONGEST_NAME}),
        (b"a=1&a=%zz", set()),
    ],
    ids=ascii,
)
def test_the_kept_tags_of_a_corrupted_visit_tell_which_of_them_are_broken(
    query: bytes, broken: set[str]
) -> None:
    tags = parse_tags(query)

    assert tags.corrupted
    assert broken_tags(tags.values) == broken
