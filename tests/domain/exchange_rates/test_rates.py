"""M40, O21: entering, replacing and importing rates, two operators at once, and the statement that finds them."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.domain.errors import Conflict, DomainError, Forbidden, Invalid
from app.domain.exchange_rates.commands import (
    MOST_RATES,
    Entered,
    enter_ecb_rates,
    import_exchange_rates,
    set_exchange_rates,
)
from app.domain.exchange_rates.lookup import FoundRate, MissingRate, Question, Way
from app.domain.exchange_rates.reads import (
    ExchangeRateFilter,
    exchange_rate_on,
    exchange_rates,
    rates_on,
)
from app.domain.exchange_rates.values import NewRate, RateSource
from app.domain.permissions import StaffRole
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.database import fetch
from app.models import Event, ExchangeRate
from app.settings import Settings
from tests.factories import make_brand, make_operator, make_partner, partner_scope, staff_scope
from tests.schema.statements import statements

DAY = date(2026, 3, 10)


@pytest.fixture
async def finance(database: Settings, clock: ManualClock) -> Scope:
    await make_operator(clock)
    return staff_scope(clock, StaffRole.FINANCE)


def rate(value: str = "5", currency: str = "RON", days_ago: int = 0, base: str = "EUR") -> NewRate:
    return NewRate(DAY - timedelta(days=days_ago), base, currency, Decimal(value))


async def _present(scope: Scope, **chosen: Any) -> list[tuple[str, str, Decimal, str]]:
    rows = (await exchange_rates(scope, ExchangeRateFilter(**chosen))).rows
    return [
        (row.base, row.currency, row.rate, row.source) for row in await rows.order_by("day", "id")
    ]


async def test_o21_rates_are_entered_with_who_and_where_from(finance: Scope) -> None:
    assert await set_exchange_rates(finance, [rate(), rate("1.1", "USD")]) == Entered(2, 0, 0)

    rows = await ExchangeRate.all().order_by("id")
    assert [(row.currency, row.rate, row.source, row.created_by_id) for row in rows] == [
        ("RON", Decimal(5), "operator", 1),
        ("USD", Decimal("1.1"), "operator", 1),
    ]


async def test_o21_the_same_rate_again_changes_nothing(finance: Scope) -> None:
    await set_exchange_rates(finance, [rate()])

    assert await set_exchange_rates(finance, [rate("5.000")]) == Entered(0, 0, 1)
    assert await ExchangeRate.all().count() == 1


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        (rate("0"), "rate", "a rate is from 0.000000000000000001 to 1000000000000000"),
        (rate("-1"), "rate", "send units of RON for one EUR"),
        (rate("1000000000000001"), "rate", "a rate is from"),
        (rate(currency="EUR"), "currency", "always 1"),
        (rate(currency="XXX"), "currency", "send a code such as EUR"),
        (rate(base="=1+1"), "base", "send a code such as EUR"),
        (rate(days_ago=-2), "day", "to 2026-03-11: send a day that has come"),
        (rate(days_ago=30_000), "day", "not from 1970-01-01"),
        (rate("6", "EUR", base="RON"), "day", r"rates\[0\] has a rate .* already"),
    ],
)
async def test_o21_one_wrong_rate_is_named_and_none_is_entered(
    finance: Scope, wrong: NewRate, field: str, words: str
) -> None:
    with pytest.raises(Invalid, match=words) as refusal:
        await set_exchange_rates(finance, [rate(), wrong])

    assert refusal.value.field == ("rates", "1", field)
    assert refusal.value.message.startswith("rates[1]: ")
    assert await ExchangeRate.all().count() == 0


@pytest.mark.parametrize("count", [0, MOST_RATES + 1])
async def test_o21_so_many_rates_are_refused_with_the_limit(finance: Scope, count: int) -> None:
    with pytest.raises(Invalid, match="send 1 to 1000 at a time"):
        await set_exchange_rates(finance, [rate(days_ago=day) for day in range(count)])


async def test_m40_another_rate_needs_replace_and_the_old_one_is_kept(finance: Scope) -> None:
    await set_exchange_rates(finance, [rate("5")])
    with pytest.raises(Conflict, match="1 EUR = 5 RON already") as refusal:
        await set_exchange_rates(finance, [rate("1.1", "USD"), rate("5.1")])
    assert refusal.value.field == ("rates", "1", "rate")
    assert await ExchangeRate.all().count() == 1

    assert await set_exchange_rates(finance, [rate("5.1")], replace=True) == Entered(0, 1, 0)

    assert await _present(finance) == [("EUR", "RON", Decimal("5.1"), "operator")]
    assert len(await _present(finance, superseded=True)) == 2
    old = await ExchangeRate.get(rate=5)
    assert old.superseded_at == finance.now()


async def test_m40_a_day_has_one_rate_between_two_currencies_in_either_direction(
    finance: Scope,
) -> None:
    await set_exchange_rates(finance, [rate("5")])
    turned = rate("0.25", "EUR", base="RON")
    with pytest.raises(Conflict, match="1 EUR = 5 RON already"):
        await set_exchange_rates(finance, [turned])

    await set_exchange_rates(finance, [turned], replace=True)

    answer = await exchange_rate_on(finance, DAY, "EUR", "RON")
    assert isinstance(answer, FoundRate)
    assert (answer.rate, answer.way) == (Decimal(4), Way.INVERSE)


async def test_m40_superseded_rates_are_never_used(finance: Scope) -> None:
    await set_exchange_rates(finance, [rate("4", days_ago=1), rate("5")])
    await set_exchange_rates(finance, [rate("6")], replace=True)

    answer = await exchange_rate_on(finance, DAY, "EUR", "RON")

    assert isinstance(answer, FoundRate)
    assert answer.rate == 6


async def test_a68_each_change_is_an_event_with_what_was_before(finance: Scope) -> None:
    await set_exchange_rates(finance, [rate("5"), rate("1.1", "USD")])
    await set_exchange_rates(finance, [rate("5.1"), rate("1.1", "USD")], replace=True)

    events = await Event.filter(subject_type="exchange_rate").order_by("id")
    assert [event.type for event in events] == [
        "exchange_rate.entered",
        "exchange_rate.entered",
        "exchange_rate.replaced",
    ]
    old, new = await ExchangeRate.filter(currency="RON").order_by("id")
    assert (events[2].subject_id, events[2].actor_type) == (new.id, "operator_user")
    assert events[2].data == {
        "day": "2026-03-10",
        "base": "EUR",
        "currency": "RON",
        "rate": "5.1",
        "source": "operator",
        "before": {
            "id": old.id,
            "base": "EUR",
            "currency": "RON",
            "rate": "5",
            "source": "operator",
        },
    }


async def test_o21_of_operators_who_set_a_pair_at_once_one_does(finance: Scope) -> None:
    results = await asyncio.gather(
        *(set_exchange_rates(finance, [rate(str(5 + each))]) for each in range(5)),
        return_exceptions=True,
    )

    assert sum(isinstance(result, Entered) for result in results) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 4
    assert await ExchangeRate.all().count() == 1


async def test_m40_of_operators_who_replace_at_once_one_rate_stays_and_all_are_kept(
    finance: Scope,
) -> None:
    await set_exchange_rates(finance, [rate("1")])
    turned = [rate(str(each), "EUR", base="RON") for each in range(2, 5)]
    straight = [rate(str(each)) for each in range(5, 8)]

    results = await asyncio.gather(
        *(set_exchange_rates(finance, [each], replace=True) for each in (*turned, *straight))
    )

    assert results == [Entered(0, 1, 0)] * 6
    assert (len(await _present(finance)), await ExchangeRate.all().count()) == (1, 7)


CSV = "day,base,currency,rate\n2026-03-09,EUR,RON,4.9771\n\n2026-03-10,EUR,USD,1.0815\n"


async def test_o21_a_file_is_imported(finance: Scope) -> None:
    assert await import_exchange_rates(finance, "\ufeff" + CSV.replace("\n", "\r\n")) == Entered(
        2, 0, 0
    )

    assert await _present(finance) == [
        ("EUR", "RON", Decimal("4.9771"), "upload"),
        ("EUR", "USD", Decimal("1.0815"), "upload"),
    ]


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("", ("1",), "line 1: the first line is not day,base,currency,rate"),
        ("day;base;currency;rate\n", ("1",), "begin with it"),
        ("day,base,currency,rate\n", (), "has no rates"),
        (CSV + "2026-03-10,EUR\n", ("5",), "line 5: 2 values, 4 are needed"),
        (CSV + '"2026-03-10,EUR,CAD,1\n', ("5",), "line 5: this is not CSV"),
        (CSV + "10.03.2026,EUR,CAD,1\n", ("5", "day"), "send one such as 2026-03-01"),
        (CSV + "2026-02-30,EUR,CAD,1\n", ("5", "day"), "'2026-02-30' is no day"),
        (CSV + "2026-03-10,eur,CAD,1\n", ("5", "base"), "'eur' is no currency"),
        (CSV + "2026-03-10,EUR,=1+1,1\n", ("5", "currency"), "'=1\\+1' is no currency"),
        (CSV + "2026-03-10,EUR,XXX,1\n", ("5", "currency"), "line 5: 'XXX' is not an ISO"),
        (CSV + "2026-03-10,EUR,CAD,1e5\n", ("5", "rate"), "no rate: send a plain decimal"),
        (CSV + "2026-03-10,EUR,CAD,-1\n", ("5", "rate"), "'-1' is no rate"),
        (CSV + "2026-03-10,EUR,CAD,NaN\n", ("5", "rate"), "'NaN' is no rate"),
        (CSV + "2026-03-10,EUR,CAD,\u0661\n", ("5", "rate"), "is no rate"),
        (CSV + "2026-03-10,EUR,CAD,0\n", ("5", "rate"), "line 5: a rate is from"),
        (CSV + "2026-03-10,EUR,USD,1\n", ("5", "day"), "line 5: line 4 has a rate of 2026-03-10"),
        (CSV + "\n" * 20_000, (), "has 20004 lines, at most 20000 are allowed: split it"),
        (CSV + " " * 1_048_576, (), "bytes, at most 1048576 are allowed: split it"),
    ],
)
async def test_o21_a_wrong_line_is_named_and_nothing_is_imported(
    finance: Scope, text: str, path: tuple[str, ...], words: str
) -> None:
    with pytest.raises(Invalid, match=words) as refusal:
        await import_exchange_rates(finance, text)

    assert refusal.value.field == ("csv", *path)
    assert await ExchangeRate.all().count() == 0


async def test_o21_a_file_replaces_only_when_it_is_told_to(finance: Scope) -> None:
    await set_exchange_rates(finance, [rate("1.2", "USD")])
    with pytest.raises(
        Conflict, match=r"line 4: 2026-03-10 has the rate 1 EUR = 1\.2 USD"
    ) as refusal:
        await import_exchange_rates(finance, CSV)
    assert refusal.value.field == ("csv", "4", "rate")

    assert await import_exchange_rates(finance, CSV, replace=True) == Entered(1, 1, 0)


async def test_o21_a_file_of_the_largest_size_is_imported_at_once(finance: Scope) -> None:
    lines = (
        f"{date(2026, 3, 10) - timedelta(days=day)},EUR,{currency},{1 + day}.5"
        for day in range(9_999)
        for currency in ("RON", "USD")
    )

    text = "\n".join(["day,base,currency,rate", *lines])

    assert await import_exchange_rates(finance, text) == Entered(19_998, 0, 0)
    assert await Event.filter(type="exchange_rate.entered").count() == 19_998


async def test_o21_the_banks_rates_never_take_the_place_of_others(
    finance: Scope, system: Scope
) -> None:
    await set_exchange_rates(finance, [rate("0.5", "EUR", base="RON")])

    rates = {"RON": Decimal("4.9"), "USD": Decimal("1.1")}
    assert await enter_ecb_rates(system, DAY, rates) == Entered(1, 0, 1)
    assert await enter_ecb_rates(system, DAY, rates) == Entered(0, 0, 2)

    assert await _present(finance, source=RateSource.ECB) == [("EUR", "USD", Decimal("1.1"), "ecb")]
    assert (await ExchangeRate.get(source="ecb")).created_by_id is None


async def test_o21_rates_are_listed_by_days_currencies_and_source(finance: Scope) -> None:
    await set_exchange_rates(finance, [rate("4", days_ago=2), rate("5", days_ago=1), rate("6")])
    await set_exchange_rates(finance, [rate("2", "CAD", base="USD")])

    yesterday = DAY - timedelta(days=1)
    assert len(await _present(finance, from_day=yesterday)) == 3
    assert len(await _present(finance, from_day=yesterday, to_day=yesterday)) == 1
    assert await _present(finance, base="USD") == [("USD", "CAD", Decimal(2), "operator")]
    assert len(await _present(finance, currency="RON")) == 3
    assert await _present(finance, source=RateSource.UPLOAD) == []


async def test_m40_many_questions_are_answered_with_one_statement(finance: Scope) -> None:
    await set_exchange_rates(finance, [rate("5", days_ago=3), rate("1.25", "USD"), rate("6")])
    wanted = {
        Question(DAY, "EUR", "RON"): (Decimal(6), 0),
        Question(DAY, "RON", "EUR"): (Decimal(1) / 6, 0),
        Question(DAY, "RON", "USD"): (Decimal("1.25") / 6, 0),
        Question(DAY - timedelta(days=1), "EUR", "RON"): (Decimal(5), 2),
        Question(DAY + timedelta(days=5), "USD", "RON"): (Decimal("4.8"), 5),
        Question(DAY, "GBP", "GBP"): (Decimal(1), 0),
    }
    missing = [
        Question(DAY - timedelta(days=4), "EUR", "RON"),
        Question(DAY - timedelta(days=1), "RON", "USD"),
        Question(DAY, "EUR", "GBP"),
        Question(DAY, "no such", "code"),
    ]

    async with statements() as sent:
        answers = await rates_on(finance, [*wanted, *missing])

    # Besides those by which the driver learns what an array is.
    assert sum("exchange_rates" in each for each in sent) == 1
    for question, (value, days) in wanted.items():
        answer = answers[question]
        assert isinstance(answer, FoundRate), question
        assert abs(answer.rate - value) < Decimal("1e-20"), question
        assert (question.day - answer.day).days == days, question
    for question in missing:
        assert answers[question] == MissingRate((question.source, question.target), question.day)


async def test_m40_a_currency_in_itself_is_one_without_a_statement(finance: Scope) -> None:
    async with statements() as sent:
        answers = await rates_on(finance, [Question(DAY, "EUR", "EUR")])

    assert (len(sent), [each.way for each in answers.values() if isinstance(each, FoundRate)]) == (
        0,
        [Way.SAME],
    )


async def test_m40_the_order_of_entering_does_not_matter(
    finance: Scope, clock: ManualClock
) -> None:
    rates = [
        rate("5"),
        rate("4", days_ago=1),
        rate("1.2", "USD"),
        rate("0.9", "EUR", days_ago=1, base="USD"),
        rate("0.7", "GBP", base="USD"),
    ]
    asked = [
        Question(DAY - timedelta(days=ago), source, target)
        for ago in range(3)
        for source in ("EUR", "RON", "USD", "GBP")
        for target in ("EUR", "RON", "USD", "GBP")
    ]
    answers = []
    for order in (rates, rates[::-1], rates[2:] + rates[:2]):
        await fetch("TRUNCATE exchange_rates")
        for each in order:
            await set_exchange_rates(finance, [each])
        found = await rates_on(finance, asked)
        answers.append(
            [found[q].rate if isinstance(found[q], FoundRate) else None for q in asked]  # type: ignore[union-attr]
        )

    assert answers[0] == answers[1] == answers[2]


async def test_o21_owner_and_finance_enter_rates_all_staff_reads_them_partners_convert(
    finance: Scope, clock: ManualClock
) -> None:
    await set_exchange_rates(finance, [rate()])
    for role in StaffRole:
        scope = staff_scope(clock, role)
        assert len(await _present(scope)) == 1
        if role in {StaffRole.OWNER, StaffRole.FINANCE}:
            await set_exchange_rates(scope, [rate()])
        else:
            with pytest.raises(Forbidden):
                await set_exchange_rates(scope, [rate()])
    partner = partner_scope(await make_partner(clock, await make_brand(clock)), clock)
    with pytest.raises(DomainError):
        await exchange_rates(partner, ExchangeRateFilter())
    assert len(await rates_on(partner, [Question(DAY, "EUR", "RON")])) == 1
