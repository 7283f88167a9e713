"""M40: the European Central Bank's rates, from a server that answers well, wrongly or with malice."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from app.domain.exchange_rates.commands import set_exchange_rates
from app.domain.exchange_rates.values import NewRate
from app.domain.scope import Scope
from app.infra.clock import ManualClock
from app.infra.ecb import MalformedFile, read_daily_file
from app.models import ExchangeRate
from app.settings import Settings
from app.tasks.exchange_rates import fetch_ecb_rates
from app.tasks.scheduler import _rate_ticks
from tests.conftest import NOW
from tests.tasks.tracker import Tracker, answering

RATES = "<Cube currency='USD' rate='1.0815'/><Cube currency='RON' rate='4.9771'/>"


def daily(rates: str = RATES, day: str = "2026-03-09", head: str = "") -> bytes:
    """The bank's file, as it looks."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}'
        '<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"'
        ' xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">'
        "<gesmes:subject>Reference rates</gesmes:subject>"
        f"<Cube><Cube time='{day}'>{rates}</Cube></Cube></gesmes:Envelope>"
    ).encode()


@pytest.fixture
def bank(database: Settings, listener: Tracker) -> Settings:
    """Settings by which the bank is a server on loopback."""
    listener.answer = answering(200, daily())
    return database.model_copy(update={"ecb_rates": True, "ecb_rates_url": listener.url})


async def _stored() -> list[tuple[str, str, Decimal, str]]:
    rows = await ExchangeRate.all().order_by("id")
    return [(str(row.day), row.currency, row.rate, row.source) for row in rows]


async def test_m40_the_banks_rates_are_entered_once(bank: Settings, system: Scope) -> None:
    for _ in range(2):
        assert await fetch_ecb_rates(system, bank)

    assert await _stored() == [
        ("2026-03-09", "RON", Decimal("4.9771"), "ecb"),
        ("2026-03-09", "USD", Decimal("1.0815"), "ecb"),
    ]


async def test_m40_a_weekend_leaves_the_last_days_rates(
    bank: Settings, system: Scope, clock: ManualClock
) -> None:
    assert await fetch_ecb_rates(system, bank)
    clock.advance(timedelta(days=4))
    assert await fetch_ecb_rates(system, bank)

    assert len(await _stored()) == 2


async def test_m40_an_operators_rate_of_the_day_stays(bank: Settings, system: Scope) -> None:
    day = NOW.date() - timedelta(days=1)
    await set_exchange_rates(system, [NewRate(day, "EUR", "RON", Decimal(5))])

    assert await fetch_ecb_rates(system, bank)

    assert await _stored() == [
        ("2026-03-09", "RON", Decimal(5), "operator"),
        ("2026-03-09", "USD", Decimal("1.0815"), "ecb"),
    ]


async def test_m40_a_currency_that_nobody_knows_is_left_out(
    bank: Settings, system: Scope, listener: Tracker
) -> None:
    listener.answer = answering(200, daily(RATES + "<Cube currency='QQQ' rate='1'/>"))

    assert await fetch_ecb_rates(system, bank)

    assert len(await _stored()) == 2


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
HOSTILE = {
    "nothing": b"",
    "a page": b"<html><body>Maintenance</body>",
    "an empty file": daily(""),
    "a bomb": daily(head=BOMB),
    "an outside document type": daily(head='<!DOCTYPE x SYSTEM "file:///etc/passwd">'),
    "an unknown entity": daily("<Cube currency='USD' rate='&a;'/>"),
    "too much": daily(RATES + " " * 1_100_000),
    "endless": b"<Cube>" * 300_000,
    "a rate of zero": daily("<Cube currency='USD' rate='0'/>"),
    "a negative rate": daily("<Cube currency='USD' rate='-1.08'/>"),
    "a rate that is no number": daily("<Cube currency='USD' rate='NaN'/>"),
    "an exponent": daily("<Cube currency='USD' rate='1e9999999'/>"),
    "an absurd rate": daily("<Cube currency='USD' rate='99999999'/>"),
    "the euro in euros": daily("<Cube currency='EUR' rate='1'/>"),
    "a currency twice": daily(RATES + RATES),
    "no currency": daily("<Cube rate='1'/>"),
    "a day that is none": daily(day="2026-02-30"),
    "a day to come": daily(day="2026-03-20"),
    "a day long ago": daily(day="1999-01-04"),
    "two days": daily(RATES + "</Cube><Cube time='2026-03-08'>" + RATES),
    "zeros": b"\x00" * 1_000,
    "bytes": bytes(range(256)) * 4,
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
async def test_m40_a_malformed_or_absurd_file_is_refused_and_the_next_one_is_taken(
    bank: Settings, system: Scope, listener: Tracker, body: bytes
) -> None:
    listener.answer = answering(200, body)
    assert not await fetch_ecb_rates(system, bank)
    assert await _stored() == []

    listener.answer = answering(200, daily())
    assert await fetch_ecb_rates(system, bank)
    assert len(await _stored()) == 2


@pytest.mark.parametrize("status", [301, 404, 500])
async def test_m40_any_other_answer_enters_nothing(
    bank: Settings, system: Scope, listener: Tracker, status: int
) -> None:
    listener.answer = answering(status, daily(), Location=listener.url)

    assert not await fetch_ecb_rates(system, bank)

    assert await _stored() == []
    assert len(listener.received) == 1


async def test_m40_a_private_address_is_never_called_where_that_is_not_allowed(
    bank: Settings, system: Scope, listener: Tracker
) -> None:
    safe = bank.model_copy(update={"allow_private_targets": False})

    assert not await fetch_ecb_rates(system, safe)

    assert listener.received == []


async def test_m40_the_tick_is_there_only_where_the_settings_ask_for_it(
    database: Settings, bank: Settings, system: Scope
) -> None:
    assert _rate_ticks(database) == []

    (tick,) = _rate_ticks(bank)
    await tick.run(system)

    assert len(await _stored()) == 2


def test_m40_more_rates_than_there_are_currencies_are_refused() -> None:
    codes = [f"{a}{b}Q" for a in "ABCDEFGHIJKLMNOP" for b in "ABCDEFGHIJKLMNOP"]
    rates = "".join(f"<Cube currency='{code}' rate='2'/>" for code in codes)

    with pytest.raises(MalformedFile, match="more than 200 rates"):
        read_daily_file(daily(rates).decode())
