"""The countries of addresses, by a file of the operator (A12)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from app.infra.countries import Countries
from tests.infra.mmdb import country_file

GERMAN = {"country": {"iso_code": "DE"}}
AUSTRIAN = {"country": {"iso_code": "AT"}}


def write(path: Path, **networks: Any) -> None:
    """Replace the file as an updater does: beside it, then renamed."""
    draft = path.with_suffix(".new")
    draft.write_bytes(country_file(networks["networks"]))
    draft.replace(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that knows an IPv4 and an IPv6 network."""
    found = tmp_path / "countries.mmdb"
    write(found, networks={"192.0.2.0/24": GERMAN, "2001:db8::/32": AUSTRIAN})
    return found


@pytest.mark.parametrize(
    ("ip", "country"),
    [
        ("192.0.2.1", "DE"),
        ("192.0.2.255", "DE"),
        ("192.0.3.1", "ZZ"),
        ("2001:db8::1", "AT"),
        ("2001:db9::1", "ZZ"),
        ("not an address", "ZZ"),
        ("", "ZZ"),
    ],
)
def test_an_address_has_the_country_of_its_network_a12(path: Path, ip: str, country: str) -> None:
    assert Countries(path).of(ip) == country


@pytest.mark.parametrize(
    ("record", "country"),
    [
        ({"registered_country": {"iso_code": "FR"}}, "FR"),
        ({"country": {"iso_code": "DE"}, "registered_country": {"iso_code": "FR"}}, "DE"),
        ({"country": {}}, "ZZ"),
        ({"country": {"iso_code": "EUR"}}, "ZZ"),
        ({"country": "DE"}, "ZZ"),
        ("DE", "ZZ"),
        ({}, "ZZ"),
    ],
)
def test_a_record_names_the_country_or_the_one_of_registration(
    tmp_path: Path, record: Any, country: str
) -> None:
    path = tmp_path / "countries.mmdb"
    write(path, networks={"192.0.2.0/24": record})

    assert Countries(path).of("192.0.2.1") == country


def test_a_file_that_is_replaced_counts_from_the_next_refresh(path: Path) -> None:
    countries = Countries(path)
    assert not countries.refresh()

    write(path, networks={"192.0.2.0/24": AUSTRIAN})

    assert countries.refresh()
    assert countries.of("192.0.2.1") == "AT"


def test_a_replaced_file_is_noticed_by_more_than_its_time(path: Path) -> None:
    before = path.stat()
    countries = Countries(path)

    write(path, networks={"192.0.2.0/24": AUSTRIAN})
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert countries.refresh()
    assert countries.of("192.0.2.1") == "AT"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no such file format",
        b"\xab\xcd\xefMaxMind.com",
        b"\xab\xcd\xefMaxMind.com\xe0",
        b"\xab\xcd\xefMaxMind.com\x41x",
        country_file({"192.0.2.0/24": AUSTRIAN})[500:],
        country_file({"192.0.2.0/24": AUSTRIAN})[:-40],
    ],
    ids=["empty", "text", "marker", "no fields", "text of metadata", "no beginning", "no end"],
)
def test_a_damaged_file_leaves_the_old_one_in_use(path: Path, content: bytes) -> None:
    countries = Countries(path)
    path.write_bytes(content)

    assert not countries.refresh()
    assert countries.of("192.0.2.1") == "DE"


def test_a_file_that_is_damaged_inside_makes_addresses_unknown(tmp_path: Path) -> None:
    path = tmp_path / "countries.mmdb"
    whole = country_file({"192.0.2.0/24": GERMAN})
    path.write_bytes(whole.replace(b"\x47country", b"\xff\xff\xff\xff\xff\xff\xff\xff"))

    assert Countries(path).of("192.0.2.1") == "ZZ"


def test_a_file_that_goes_away_stays_in_use_and_its_return_is_noticed(path: Path) -> None:
    countries = Countries(path)
    path.unlink()
    assert not countries.refresh()
    assert countries.of("192.0.2.1") == "DE"

    write(path, networks={"192.0.2.0/24": AUSTRIAN})

    assert countries.refresh()
    assert countries.of("192.0.2.1") == "AT"


@pytest.mark.parametrize("name", [None, "missing.mmdb"])
def test_without_a_file_every_address_is_unknown(tmp_path: Path, name: str | None) -> None:
    countries = Countries(tmp_path / name if name else None)

    assert not countries.refresh()
    assert countries.of("192.0.2.1") == "ZZ"
