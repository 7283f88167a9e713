"""Secrets: verified in constant steps, readable under rotated keys, never stored as they are."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.infra.crypto import (
    DecryptionError,
    SecretBox,
    equal,
    hash_password,
    hash_token,
    new_token,
    sign_sha512,
    verify_password,
)

KEYS = tuple(f"key number {n} with thirty-two characters" for n in range(3))


def test_a_password_verifies_against_its_hash_only() -> None:
    stored = hash_password("correct horse")

    assert verify_password("correct horse", stored)
    assert not verify_password("correct horsf", stored)
    assert not verify_password("", stored)


def test_the_same_password_hashes_differently_each_time() -> None:
    assert hash_password("correct horse") != hash_password("correct horse")


def test_without_a_stored_hash_nothing_verifies_a61() -> None:
    assert not verify_password("correct horse", None)
    assert not verify_password("", None)


@pytest.mark.parametrize("stored", ["", "plain", "$argon2id$broken"])
def test_a_broken_hash_verifies_nothing(stored: str) -> None:
    assert not verify_password("correct horse", stored)


@pytest.mark.parametrize("password", ["\ud800", "a\x00b", "päßwörd 🗝", "x" * 5_000])
def test_any_text_can_be_tried_as_a_password(password: str) -> None:
    assert not verify_password(password, hash_password("correct horse"))
    assert verify_password(password, hash_password(password))


def test_tokens_are_long_unique_and_safe_in_urls() -> None:
    tokens = {new_token() for _ in range(1_000)}

    assert len(tokens) == 1_000
    assert all(
        len(token) >= 43 and token.replace("-", "").replace("_", "").isalnum() for token in tokens
    )


@pytest.mark.parametrize("token", ["", "token", "\xff", "\ud800"])
def test_any_text_can_be_tried_as_a_token(token: str) -> None:
    assert len(hash_token(token)) == 64
    assert hash_token(token) != hash_token(token + "x")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
@settings(max_examples=30)
def test_a_box_gives_back_what_was_put_in(text: str) -> None:
    box = SecretBox(KEYS[:1])

    sealed = box.encrypt(text)

    assert box.decrypt(sealed) == text
    # Shorter texts stand in any ciphertext by chance.
    assert len(text) < 8 or text.encode() not in sealed


def test_keys_rotate_the_first_writes_every_key_reads() -> None:
    old, rotated = SecretBox(KEYS[:1]), SecretBox((KEYS[1], KEYS[0]))

    assert rotated.decrypt(old.encrypt("secret")) == "secret"
    with pytest.raises(DecryptionError):
        old.decrypt(rotated.encrypt("secret"))


@pytest.mark.parametrize("data", [b"", b"rubbish", b"\xff" * 100])
def test_rubbish_does_not_decrypt(data: bytes) -> None:
    with pytest.raises(DecryptionError):
        SecretBox(KEYS).decrypt(data)


def test_a_changed_byte_is_noticed() -> None:
    box = SecretBox(KEYS)
    sealed = bytearray(box.encrypt("secret"))
    sealed[30] ^= 1

    with pytest.raises(DecryptionError):
        box.decrypt(bytes(sealed))


def test_a_box_needs_a_key() -> None:
    with pytest.raises(ValueError, match="at least one secret key"):
        SecretBox(())


def test_the_intake_signature_is_lower_case_hex_hmac_sha512_w3() -> None:
    signature = sign_sha512("secret", b'{"players": []}')

    expected = hmac.new(b"secret", b'{"players": []}', hashlib.sha512).hexdigest()
    assert signature == expected
    assert signature == signature.lower()
    assert len(signature) == 128


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("abc", "abc", True),
        ("abc", "abd", False),
        ("abc", "ab", False),
        ("é", "é", True),
        ("\ud800", "\ud801", False),
        ("\ud800", "?", False),
    ],
)
def test_comparing_tells_equal_texts_from_others(left: str, right: str, same: bool) -> None:
    assert equal(left, right) is same
