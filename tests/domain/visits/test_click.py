"""What is recorded of a click."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from app.domain.visits.click import fingerprint, kept

KEY, DAY = b"k" * 32, date(2026, 3, 10)
words = st.text(max_size=50) | st.none()


@given(words, words)
def test_a_fingerprint_is_a_signed_number_of_64_bits_the_same_each_time(
    ip: str | None, agent: str | None
) -> None:
    assert -(2**63) <= fingerprint(KEY, DAY, ip, agent) < 2**63
    assert fingerprint(KEY, DAY, ip, agent) == fingerprint(KEY, DAY, ip, agent)


def test_fingerprints_of_two_days_or_keys_tell_nothing_of_each_other() -> None:
    of_today = fingerprint(KEY, DAY, "192.0.2.1", "x")

    assert of_today != fingerprint(KEY, date(2026, 3, 11), "192.0.2.1", "x")
    assert of_today != fingerprint(b"other", DAY, "192.0.2.1", "x")


@given(words, st.integers(1, 60))
def test_what_is_kept_fits_and_holds_no_nul(text: str | None, longest: int) -> None:
    stored = kept(text, longest)

    assert stored is None or (0 < len(stored) <= longest and "\x00" not in stored)
