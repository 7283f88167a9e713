"""Amounts: exact from the wire to the row, rounded once, half-even (M41)."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.infra.money import (
    LARGEST_AMOUNT,
    NO_CURRENCY,
    Money,
    MoneyError,
    currencies,
    decimal_text,
    decimals_of,
    parse_amount,
    parse_minor_units,
    quantise,
)

codes = st.sampled_from(["EUR", "RON", "JPY", "KWD", "BTC", "USDT", "ETH"])
largest = int(LARGEST_AMOUNT)


@st.composite
def exact_amounts(draw: st.DrawFn) -> tuple[Decimal, str]:
    """An amount that its currency can express, up to the largest."""
    currency = draw(codes)
    decimals = decimals_of(currency)
    units = draw(st.integers(-largest * 10**decimals, largest * 10**decimals))
    return Decimal(f"{units}E-{decimals}"), currency


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [
        ("2.345", "EUR", "2.34"),
        ("2.355", "EUR", "2.36"),
        ("-2.345", "EUR", "-2.34"),
        ("2.3451", "EUR", "2.35"),
        ("0.5", "JPY", "0"),
        ("1.5", "JPY", "2"),
        ("1.0005", "KWD", "1.000"),
        ("0.000000015", "BTC", "0.00000002"),
    ],
)
def test_amounts_round_half_even_to_the_decimals_of_their_currency_m41(
    amount: str, currency: str, rounded: str
) -> None:
    assert f"{quantise(Decimal(amount), currency):f}" == rounded


@given(
    numerator=st.integers(-(10**24), 10**24),
    places=st.integers(0, 18),
    currency=codes,
)
def test_rounding_moves_an_amount_by_half_a_minor_unit_at_most_m41(
    numerator: int, places: int, currency: str
) -> None:
    amount = Decimal(f"{numerator}E-{places}")

    rounded = quantise(amount, currency)

    off = abs(Fraction(rounded) - Fraction(amount))
    assert off <= Fraction(1, 2 * 10 ** decimals_of(currency))
    if off == Fraction(1, 2 * 10 ** decimals_of(currency)):
        assert int(rounded.scaleb(decimals_of(currency))) % 2 == 0


@given(exact_amounts())
def test_an_amount_survives_being_written_and_read_again(value: tuple[Decimal, str]) -> None:
    amount, currency = value

    assert parse_amount(decimal_text(amount), currency) == amount
    assert parse_amount(Money(amount, currency).text(), currency) == amount


@given(exact_amounts())
def test_minor_units_and_decimal_strings_mean_the_same_w3(value: tuple[Decimal, str]) -> None:
    amount, currency = value
    units = int(Fraction(amount) * 10 ** decimals_of(currency))

    assert parse_minor_units(units, currency) == amount


@given(exact_amounts())
def test_an_expressible_amount_is_not_changed_by_rounding(value: tuple[Decimal, str]) -> None:
    amount, currency = value

    assert quantise(amount, currency) == amount


@pytest.mark.parametrize(
    "value",
    [
        12.5,
        12,
        True,
        None,
        Decimal("12.5"),
        [],
        {},
        "",
        " 12",
        "12 ",
        "12\n",
        "+12",
        "1e3",
        "1_000",
        "1,000",
        ".5",
        "5.",
        "01",
        "--1",
        "NaN",
        "Infinity",
        "0x1",
        "١٢",
        "\ud800",
        "9" * 10_000,
    ],
)
def test_only_plain_decimal_strings_are_amounts_w3(value: object) -> None:
    with pytest.raises(MoneyError) as refusal:
        parse_amount(value, "EUR")

    assert len(str(refusal.value)) < 200


def test_a_deeply_nested_value_is_refused_like_any_other() -> None:
    value: list[object] = []
    for _ in range(100_000):
        value = [value]

    for parse in (parse_amount, parse_minor_units):
        with pytest.raises(MoneyError):
            parse(value, "EUR")


@pytest.mark.parametrize("value", [1.0, "5", None, True, False, Decimal(5), [], "x" * 10_000])
def test_minor_units_are_whole_numbers_w3(value: object) -> None:
    with pytest.raises(MoneyError) as refusal:
        parse_minor_units(value, "EUR")

    assert len(str(refusal.value)) < 200


def test_more_decimals_than_the_currency_has_are_refused_m41() -> None:
    with pytest.raises(MoneyError, match="more than the 2 decimals of EUR"):
        parse_amount("1.234", "EUR")


def test_trailing_zeros_are_not_decimals() -> None:
    assert parse_amount("1.230000", "EUR") == Decimal("1.23")
    assert parse_amount("5.0", "JPY") == 5


@pytest.mark.parametrize("currency", ["EUR", "ETH"])
def test_the_largest_amount_is_accepted_and_the_next_one_refused(currency: str) -> None:
    unit = 10 ** decimals_of(currency)

    assert parse_minor_units(largest * unit, currency) == LARGEST_AMOUNT
    assert parse_amount(f"{-largest}", currency) == -LARGEST_AMOUNT
    for one_more in (largest * unit + 1, -largest * unit - 1, 10**4_000):
        with pytest.raises(MoneyError, match="larger than"):
            parse_minor_units(one_more, currency)


def test_an_amount_of_a_coin_keeps_all_of_its_digits() -> None:
    text = "123456789012345.123456789012345678"

    amount = parse_amount(text, "ETH")

    assert f"{amount:f}" == text
    assert f"{quantise(amount, 'ETH'):f}" == text
    assert decimal_text(amount) == text
    assert parse_minor_units(int(text.replace(".", "")), "ETH") == Decimal(text)


@pytest.mark.parametrize("code", ["", "eur", "EURO", "XXX", "ZZZ", "\x00"])
def test_unknown_currency_codes_are_refused_by_name(code: str) -> None:
    with pytest.raises(MoneyError, match="is not an ISO 4217 currency"):
        decimals_of(code)


def test_every_currency_fits_the_stored_decimals() -> None:
    assert max(currencies().values()) <= 18
    assert min(currencies().values()) >= 0
    assert NO_CURRENCY not in currencies()


def test_adding_two_currencies_is_a_mistake_not_a_conversion() -> None:
    with pytest.raises(TypeError):
        Money(Decimal(1), "EUR") + Money(Decimal(1), "RON")


@given(
    units=st.lists(st.integers(-(10**33), 10**33), min_size=1, max_size=20),
)
def test_adding_is_exact_for_every_stored_amount(units: list[int]) -> None:
    amounts = [Money(Decimal(f"{unit}E-18"), "ETH") for unit in units]

    total = amounts[0]
    for amount in amounts[1:]:
        total += amount

    assert Fraction(total.amount) == Fraction(sum(units), 10**18)


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_not_finite_is_no_amount(value: str) -> None:
    with pytest.raises(MoneyError):
        Money(Decimal(value), "EUR")
    with pytest.raises(MoneyError):
        decimal_text(Decimal(value))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0"),
        ("-0.00", "0"),
        ("0E-18", "0"),
        ("1E+3", "1000"),
        ("12.3400", "12.34"),
        ("100", "100"),
        ("-0.50", "-0.5"),
        ("12345678901234567890.123456789012345678", "12345678901234567890.123456789012345678"),
    ],
)
def test_decimals_are_written_plainly(value: str, text: str) -> None:
    assert decimal_text(Decimal(value)) == text
