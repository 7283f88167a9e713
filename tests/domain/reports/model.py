"""What reports must say, computed the plain way: a list of facts, summed in Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from app.domain.reports.run import Report
from app.domain.reports.specification import (
    Grouping,
    ReportFilters,
    ReportSpecification,
    TagFilter,
    TagGrouping,
)
from app.infra.money import EXACT, Money, decimals_of

COUNTS = (
    "visits_count",
    "registrations_count",
    "first_deposits_count",
    "deposits_count",
    "cashouts_count",
    "chargebacks_count",
    "casino_bets_count",
    "poker_rounds_count",
    "sales_count",
    "leads_count",
)
AMOUNTS = (
    "first_deposits_sum",
    "deposits_sum",
    "cashouts_sum",
    "chargebacks_sum",
    "bonus_issues_sum",
    "casino_total_bets_sum",
    "casino_total_wins_sum",
    "casino_balance_corrections_sum",
    "additional_deductions_sum",
    "casino_taxes_sum",
    "payment_system_fees_sum",
    "game_provider_fees_sum",
    "jackpot_fees_sum",
    "sb_bets_sum",
    "sb_settled_bets_sum",
    "sb_total_wins_sum",
    "sb_total_cancelled_bets_sum",
    "sb_bonuses_sum",
    "sb_balance_corrections_sum",
    "sb_third_party_fees_sum",
    "poker_bets_sum",
    "poker_rake_sum",
    "poker_bonuses_sum",
    "poker_balance_corrections_sum",
    "poker_third_party_fees_sum",
    "sales_sum",
)
# A brand may report less than zero of these.
SIGNED = (
    "casino_balance_corrections_sum",
    "sb_balance_corrections_sum",
    "poker_balance_corrections_sum",
)
GGR = ("casino_total_bets_sum", "casino_total_wins_sum")


def _through(top: Fraction, bottom: Fraction) -> Fraction | None:
    return top / bottom if bottom else None


FORMULAS: dict[str, tuple[tuple[str, ...], Callable[..., Any]]] = {
    "net_deposits": (
        ("deposits_sum", "cashouts_sum", "chargebacks_sum"),
        lambda deposits, cashouts, chargebacks: deposits - cashouts - chargebacks,
    ),
    "wager": (("casino_total_bets_sum",), lambda bets: bets),
    "ggr": (GGR, lambda bets, wins: bets - wins),
    "real_ggr": (GGR, lambda bets, wins: bets - wins),
    "real_ngr": (
        (
            *GGR,
            "bonus_issues_sum",
            "casino_balance_corrections_sum",
            "game_provider_fees_sum",
            "payment_system_fees_sum",
            "jackpot_fees_sum",
            "casino_taxes_sum",
            "chargebacks_sum",
            "additional_deductions_sum",
        ),
        lambda bets, *others: bets - sum(others),
    ),
    "sb_ggr": (("sb_settled_bets_sum", "sb_total_wins_sum"), lambda bets, wins: bets - wins),
    "sb_real_ggr": (("sb_settled_bets_sum", "sb_total_wins_sum"), lambda bets, wins: bets - wins),
    "sb_real_ngr": (
        (
            "sb_settled_bets_sum",
            "sb_total_wins_sum",
            "sb_bonuses_sum",
            "sb_balance_corrections_sum",
            "sb_third_party_fees_sum",
        ),
        lambda bets, *others: bets - sum(others),
    ),
    "poker_real_ngr": (
        (
            "poker_rake_sum",
            "poker_bonuses_sum",
            "poker_balance_corrections_sum",
            "poker_third_party_fees_sum",
        ),
        lambda rake, *others: rake - sum(others),
    ),
    "average_deposit_amount": (("deposits_sum", "deposits_count"), _through),
    "average_first_deposit_amount": (("first_deposits_sum", "first_deposits_count"), _through),
    "average_sale_amount": (("sales_sum", "sales_count"), _through),
}
# Ratios of amounts: one for each currency.
MONEY_RATIOS: dict[str, tuple[tuple[str, ...], Callable[..., Any]]] = {
    "casino_bonus_ratio": (
        ("bonus_issues_sum", *GGR),
        lambda bonuses, bets, wins: _through(bonuses, bets - wins),
    ),
}
RATIOS = {
    "registrations_conversion_rate": ("registrations_count", "visits_count"),
    "first_deposits_conversion_rate": ("first_deposits_count", "registrations_count"),
    "average_deposits_count": ("deposits_count", "first_deposits_count"),
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact that holds, with its dimensions as they were when it was recorded."""

    day: date
    promo: int
    campaign: int
    plan: int
    brand: int
    partner: int
    country: str
    currency: str
    values: dict[str, Decimal] = field(hash=False)
    at: datetime
    click: ModelVisit
    player: ModelPlayer | None = None

    def key(self, grouping: Grouping | TagGrouping) -> Any:
        """What the fact is grouped under."""
        if isinstance(grouping, TagGrouping):
            return self.click.tags.get(grouping.name)
        signed_up = self.player.signed_up if self.player else None
        deposited = self.player.deposited if self.player else None
        return {
            Grouping.BRAND: self.brand,
            Grouping.CAMPAIGN: self.campaign,
            Grouping.PROMO: self.promo,
            Grouping.STRATEGY: self.plan,
            Grouping.PARTNER: self.partner,
            Grouping.TRAFFIC_SOURCE: self.click.source,
            Grouping.PLAYER: self.player.id if self.player else None,
            Grouping.PLAYER_COUNTRY: self.country,
            Grouping.DEVICE: self.click.device,
            Grouping.CURRENCY: None if self.currency == "XXX" else self.currency,
            Grouping.HOUR: self.at.replace(minute=0, second=0, microsecond=0),
            **_periods("", self.day),
            **_periods("sign_up_at_", signed_up),
            **_periods("first_deposit_", deposited),
        }[grouping]


def _periods(prefix: str, day: date | None) -> dict[Grouping, date | None]:
    """The periods of a day; there is no quarter of a cohort."""
    if day is None:
        starts: dict[str, date | None] = dict.fromkeys(("day", "week", "month", "year"))
    else:
        starts = {
            "day": day,
            "week": day - timedelta(days=day.weekday()),
            "month": day.replace(day=1),
            "quarter": day.replace(day=1, month=(day.month - 1) // 3 * 3 + 1),
            "year": day.replace(day=1, month=1),
        }
        if prefix:
            del starts["quarter"]
    return {Grouping(f"{prefix}{unit}"): start for unit, start in starts.items()}


def expected(
    facts: Iterable[Fact],
    specification: ReportSpecification,
    partner: int | None = None,
    brands: frozenset[int] | None = None,
) -> tuple[list[tuple[tuple[Any, ...], dict[str, Any]]], dict[str, Any]]:
    """The rows in order, each with its keys and cells, and the totals."""
    chosen = [
        fact
        for fact in facts
        if specification.first_day <= fact.day <= specification.last_day
        and (partner is None or fact.partner == partner)
        and (brands is None or fact.brand in brands)
        and _passes(fact, specification.filters)
    ]
    groups: dict[tuple[Any, ...], list[Fact]] = {}
    for fact in chosen:
        keys = tuple(fact.key(grouping) for grouping in specification.group_by)
        groups.setdefault(keys, []).append(fact)
    rows = [
        (keys, _cells(groups[keys], specification.metrics))
        for keys in sorted(groups, key=_nulls_last)
        if _says_something(groups[keys], specification.metrics)
    ]
    return rows, _cells(chosen, specification.metrics)


def _nulls_last(keys: tuple[Any, ...]) -> list[tuple[bool, Any]]:
    return [(key is None, 0 if key is None else key) for key in keys]


def answered(report: Report) -> tuple[list[tuple[tuple[Any, ...], dict[str, Any]]], dict[str, Any]]:
    """A report in the form of `expected`."""
    rows = [(tuple(row.keys.values()), _plain(row.cells)) for row in report.rows]
    return rows, _plain(report.totals.cells)


def _plain(cells: Any) -> dict[str, Any]:
    plain = {}
    for name, cell in cells.items():
        if name in RATIOS and cell is not None:
            plain[name] = round(cell, 20)
        elif name in MONEY_RATIOS:
            plain[name] = [(_twenty_places(each.ratio), each.currency) for each in cell]
        else:
            plain[name] = cell
    return plain


def _twenty_places(ratio: Decimal) -> Decimal:
    return EXACT.quantize(ratio, Decimal("1E-20"))


def _passes(fact: Fact, filters: ReportFilters) -> bool:
    pairs: tuple[tuple[Any, tuple[Any, ...]], ...] = (
        (fact.brand, filters.brand_ids),
        (fact.campaign, filters.campaign_ids),
        (fact.promo, filters.promo_ids),
        (fact.plan, filters.plan_ids),
        (fact.partner, filters.partner_ids),
        (fact.country, filters.countries),
        (fact.click.source, filters.traffic_source_ids),
        (fact.click.code, filters.promo_codes),
    )

    def tagged(tags: tuple[TagFilter, ...]) -> bool:
        return any(
            tag.name in fact.click.tags and tag.value in {None, fact.click.tags[tag.name]}
            for tag in tags
        )

    return (
        all(not allowed or value in allowed for value, allowed in pairs)
        and (not filters.tags_include or tagged(filters.tags_include))
        and not tagged(filters.tags_exclude)
    )


def _needs(metrics: Iterable[str]) -> set[str]:
    needs: set[str] = set()
    for name in metrics:
        if name in FORMULAS | MONEY_RATIOS:
            needs |= set((FORMULAS | MONEY_RATIOS)[name][0])
        else:
            needs |= set(RATIOS.get(name, (name,)))
    return needs


def _says_something(facts: list[Fact], metrics: tuple[str, ...]) -> bool:
    currencies = {fact.currency for fact in facts}
    return any(_sum(facts, name, code) for name in _needs(metrics) for code in currencies)


def _sum(facts: list[Fact], name: str, currency: str | None = None) -> Fraction:
    return sum(
        (
            Fraction(fact.values.get(name, 0))
            for fact in facts
            if currency is None or fact.currency == currency
        ),
        Fraction(0),
    )


def _exact(value: Fraction) -> Decimal:
    """A sum of decimals with at most 18 places, as a Decimal."""
    return Decimal(int(value * 10**18)).scaleb(-18)


def _cells(facts: list[Fact], metrics: tuple[str, ...]) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for name in metrics:
        if name in RATIOS:
            top, bottom = (_sum(facts, part) for part in RATIOS[name])
            ratio = Decimal(int(top)) / Decimal(int(bottom)) if bottom else None
            cells[name] = None if ratio is None else round(ratio, 20)
        elif name in COUNTS:
            cells[name] = _exact(_sum(facts, name))
        elif name in MONEY_RATIOS:
            numbers = _by_currency(facts, *MONEY_RATIOS[name])
            cells[name] = [
                (
                    _twenty_places(
                        EXACT.divide(Decimal(number.numerator), Decimal(number.denominator))
                    ),
                    code,
                )
                for code, number in numbers
            ]
        else:
            needs, formula = FORMULAS.get(name, ((name,), lambda value: value))
            cells[name] = tuple(
                Money(_exact(round(number, decimals_of(code))), code)
                for code, number in _by_currency(facts, needs, formula)
            )
    return cells


def _by_currency(
    facts: list[Fact], needs: tuple[str, ...], formula: Callable[..., Any]
) -> list[tuple[str, Fraction]]:
    """The formula in each currency that has something of what it needs, where it has an answer."""
    found = []
    for currency in sorted({fact.currency for fact in facts} - {"XXX"}):
        sums = [_sum(facts, need, currency) for need in needs]
        if any(sums) and (number := formula(*sums)) is not None:
            found.append((currency, number))
    return found


@dataclass(slots=True)
class Link:
    """A promo with what its facts carry."""

    promo: int
    campaign: int
    plan: int
    brand: int
    partner: int

    def fact(
        self,
        day: date,
        country: str,
        currency: str,
        values: dict[str, Decimal],
        at: datetime,
        click: ModelVisit,
        player: ModelPlayer | None = None,
    ) -> Fact:
        dimensions = (self.promo, self.campaign, self.plan, self.brand, self.partner)
        return Fact(day, *dimensions, country, currency, values, at, click, player)


@dataclass(frozen=True, slots=True)
class ModelVisit:
    """What a fact is known by through the visit that it comes from."""

    device: str
    tags: dict[str, str] = field(hash=False)
    # Of its promo.
    source: int | None
    code: str


@dataclass(slots=True)
class ModelPlayer:
    """A player as the model knows it."""

    id: int
    link: Link
    country: str
    currency: str
    click: ModelVisit
    signed_up: date
    first_deposit: tuple[datetime, Decimal, str] | None = None
    # The business day of the first deposit.
    deposited: date | None = None
