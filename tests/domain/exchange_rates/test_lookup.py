"""M40: direct, inverse and cross rates at full precision, the last earlier day, no rate at all."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.exchange_rates.lookup import (
    FoundRate,
    Leg,
    Legs,
    MissingRate,
    Question,
    Way,
    convert,
    find_rate,
)
from app.infra.money import Money, decimals_of

DAY = date(2026, 3, 10)
CURRENCIES = ("EUR", "RON", "USD", "JPY", "KWD", "BTC")


def leg(base: str, currency: str, rate: str | Decimal, days_ago: int = 0) -> Leg:
    return Leg(1, DAY - timedelta(days=days_ago), base, currency, Decimal(rate), "operator")


def known(*legs: Leg) -> Legs:
    return {frozenset((each.base, each.currency)): each for each in legs}


def found(source: str, target: str, legs: Legs) -> FoundRate:
    answer = find_rate(Question(DAY, source, target), legs)
    assert isinstance(answer, FoundRate), answer
    return answer


RATES = known(leg("EUR", "RON", "5"), leg("EUR", "USD", "1.25"), leg("GBP", "CAD", "1.7"))


@pytest.mark.parametrize(
    ("source", "target", "rate", "way", "via"),
    [
        ("EUR", "EUR", "1", Way.SAME, None),
        ("XYZ", "XYZ", "1", Way.SAME, None),
        ("EUR", "RON", "5", Way.DIRECT, None),
        ("RON", "EUR", "0.2", Way.INVERSE, None),
        ("USD", "RON", "4", Way.CROSS, "EUR"),
        ("RON", "USD", "0.25", Way.CROSS, "EUR"),
    ],
)
def test_m40_a_rate_is_direct_inverse_or_cross(
    source: str, target: str, rate: str, way: Way, via: str | None
) -> None:
    answer = found(source, target, RATES)

    assert (answer.rate, answer.way, answer.via) == (Decimal(rate), way, via)


@pytest.mark.parametrize(("source", "target"), [("EUR", "CAD"), ("CAD", "RON"), ("ABC", "DEF")])
def test_m40_no_rate_at_all_is_a_value_that_names_pair_and_day(source: str, target: str) -> None:
    assert find_rate(Question(DAY, source, target), RATES) == MissingRate((source, target), DAY)


def test_m40_a_cross_rate_is_not_rounded_before_the_amount() -> None:
    legs = known(leg("EUR", "RON", "3"), leg("EUR", "USD", "7"))

    assert found("RON", "USD", legs).rate == Decimal(
        "2.3333333333333333333333333333333333333333333333333"
    )
    assert convert(Money(Decimal("3000000000000.00"), "RON"), found("RON", "USD", legs)) == Money(
        Decimal("7000000000000.00"), "USD"
    )


def test_m40_an_earlier_day_is_marked_and_of_a_cross_rate_the_earlier_leg_counts() -> None:
    legs = known(leg("EUR", "RON", "5", 1), leg("EUR", "USD", "1.25", 3))

    answers = [found("EUR", "RON", legs), found("RON", "USD", legs), found("RON", "RON", legs)]

    assert [(answer.is_earlier, (DAY - answer.day).days) for answer in answers] == [
        (True, 1),
        (True, 3),
        (False, 0),
    ]


def test_m40_the_freshest_way_wins_and_of_equals_the_pairs_own_rate() -> None:
    crossing = (leg("EUR", "RON", "5"), leg("EUR", "USD", "1.25"))

    assert found("USD", "RON", known(*crossing, leg("USD", "RON", "9"))).way is Way.DIRECT
    assert found("USD", "RON", known(*crossing, leg("USD", "RON", "9", 1))).way is Way.CROSS


def test_m40_of_two_currencies_between_the_first_by_its_code_is_taken() -> None:
    legs = known(
        *(leg("EUR", other, "2") for other in ("RON", "USD")),
        *(leg("CHF", other, "3") for other in ("RON", "USD")),
    )

    assert (found("RON", "USD", legs).via, found("USD", "RON", legs).via) == ("CHF", "CHF")


def test_m40_a_result_tells_its_rates_with_day_and_source() -> None:
    answer = found("USD", "RON", RATES)

    assert [(each.base, each.currency, each.day) for each in answer.legs] == [
        ("EUR", "USD", DAY),
        ("EUR", "RON", DAY),
    ]
    assert answer.sources == ("operator",)


@pytest.mark.parametrize(
    ("amount", "rate", "converted"),
    [("0.01", "1.5", "0.02"), ("0.03", "1.5", "0.04"), ("0.05", "0.5", "0.02"), ("-1", "2", "-2")],
)
def test_m41_the_amount_is_rounded_once_half_to_even(
    amount: str, rate: str, converted: str
) -> None:
    answer = found("EUR", "RON", known(leg("EUR", "RON", rate)))

    assert convert(Money(Decimal(amount), "EUR"), answer).amount == Decimal(converted)


def test_m40_a_rate_of_another_currency_converts_nothing() -> None:
    with pytest.raises(TypeError, match="EUR cannot convert USD"):
        convert(Money(Decimal(1), "USD"), found("EUR", "RON", RATES))


def rates_of(pairs: Iterable[tuple[str, str]]) -> st.SearchStrategy[Legs]:
    """A rate for each of the pairs, entered in either direction."""
    value = st.decimals("0.0001", "100000", places=6).filter(bool)
    each = [st.builds(leg, *map(st.just, pair), value) for pair in pairs]
    turned = [st.builds(leg, *map(st.just, pair[::-1]), value) for pair in pairs]
    either = [st.one_of(*both) for both in zip(each, turned, strict=True)]
    return st.tuples(*either).map(lambda legs: known(*legs))


@given(
    rates_of([("EUR", other) for other in CURRENCIES if other != "EUR"]),
    st.sampled_from(CURRENCIES),
    st.sampled_from(CURRENCIES),
    st.integers(-(10**9), 10**9),
)
def test_m40_there_and_back_is_the_same_amount_within_one_unit(
    legs: Legs, source: str, target: str, units: int
) -> None:
    unit = Decimal(1).scaleb(-decimals_of(source))
    amount = Money(units * unit, source)
    there, back = found(source, target, legs), found(target, source, legs)

    returned = convert(convert(amount, there), back)

    # What the other currency's decimals cannot say, in this one.
    coarser = Decimal(1).scaleb(-decimals_of(target)) * back.rate
    assert abs(returned.amount - amount.amount) <= max(unit, coarser)
    assert abs(there.rate * back.rate - 1) < Decimal("1e-26")


@given(rates_of([("EUR", "RON"), ("EUR", "USD"), ("EUR", "JPY")]))
def test_m40_a_cross_rate_is_the_product_of_the_ways_to_the_base_and_from_it(legs: Legs) -> None:
    crossed = found("RON", "USD", legs).rate
    stepwise = found("RON", "EUR", legs).rate * found("EUR", "USD", legs).rate

    assert abs(crossed - stepwise) <= crossed * Decimal("1e-26")
