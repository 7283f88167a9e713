"""Running a report: rows and totals with exact numbers, money by currency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, localcontext
from typing import Any

from app.domain.events import position_known_at
from app.domain.permissions import Permission, requires
from app.domain.reports.compiler import CompiledReport, Sight, compile_report, rollup_for
from app.domain.reports.metrics import BASE_METRICS, FORMULA_METRICS, METRICS, Kind
from app.domain.reports.specification import Grouping, ReportSpecification, TagGrouping
from app.domain.scope import Scope
from app.infra.database import Row, fetch
from app.infra.money import EXACT, NO_CURRENCY, Money, quantise

_ZERO = Decimal(0)
# Recordings that are taken back from a rollup, at most; a recording holds up to a thousand facts.
MOST_TAKEN_BACK = 5_000

_FOLDED = """
SELECT COALESCE((SELECT position FROM rollup_positions WHERE rollup = $1), 0) AS position
"""
# In microseconds, as the ORM keeps intervals.
_OFFSETS = """
SELECT COALESCE(min(clock_offset), 0) AS least, COALESCE(max(clock_offset), 0) AS largest FROM brands
"""


@dataclass(frozen=True, slots=True)
class CurrencyRatio:
    """A ratio of amounts in one currency."""

    ratio: Decimal
    currency: str


Number = Decimal | None
# A metric of amounts has one cell value per currency, in the order of the codes; other metrics have one number.
Cell = Number | tuple[Money, ...] | tuple[CurrencyRatio, ...]


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One line: the keys in grouping order, and a cell for each asked metric."""

    keys: Mapping[Grouping | TagGrouping, Any]
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Report:
    """Rows in the order of their keys, and totals over all of them."""

    rows: tuple[ReportRow, ...]
    totals: ReportRow


class Sums(dict[str, Decimal]):
    """Sums of the base metrics in one currency: those that are not zero, as most of a line are."""

    def __missing__(self, name: str) -> Decimal:
        return _ZERO


ByCurrency = dict[str, Sums]


@requires(Permission.READ_REPORTS)
async def run_report(scope: Scope, specification: ReportSpecification) -> Report:
    """Answer a specification from committed data: up to this moment, or as it was known at a time (X03).

    Raises Forbidden without the permission, Invalid for an impossible specification or a time that has not come yet.
    """
    compiled = compile_report(scope, specification, await _sight(scope, specification))
    return report_of(specification, compiled, await fetch(compiled.sql, *compiled.values))


def report_of(
    specification: ReportSpecification, compiled: CompiledReport, found: Iterable[Row]
) -> Report:
    """The report that the rows of the statement make."""
    names = [metric.name for metric in compiled.metrics]
    places = [f"g{place}" for place in range(len(specification.group_by))]
    groups: dict[tuple[Any, ...], ByCurrency] = {}
    for row in found:
        sums = Sums({name: row[name] for name in names if row[name]})
        # A group whose every sum is zero says nothing, such as facts that a correction took back entirely.
        if sums:
            keys = tuple([row[place] for place in places])
            groups.setdefault(keys, {})[row["currency"]] = sums
    line = _Line(specification.metrics, names)
    rows = tuple(
        ReportRow(dict(zip(specification.group_by, keys, strict=True)), line.cells(sums))
        for keys, sums in groups.items()
    )
    return Report(rows, ReportRow({}, line.cells(_total(groups.values()))))


async def _sight(scope: Scope, specification: ReportSpecification) -> Sight:
    """Where to look. A rollup that is many recordings past the asked time is farther away than the facts."""
    rollup = rollup_for(specification)
    position = None
    if specification.as_known_at is not None:
        position = await position_known_at(scope, specification.as_known_at)
        if rollup is not None:
            folded = (await fetch(_FOLDED, rollup.name))[0]["position"]
            if folded - position <= MOST_TAKEN_BACK:
                return Sight(position)
    elif rollup is not None:
        return Sight()
    row = (await fetch(_OFFSETS))[0]
    offsets = (timedelta(microseconds=row["least"]), timedelta(microseconds=row["largest"]))
    return Sight(position, from_facts=True, offsets=offsets)


def _total(groups: Iterable[ByCurrency]) -> ByCurrency:
    total: ByCurrency = {}
    for by_currency in groups:
        for currency, sums in by_currency.items():
            mine = total.setdefault(currency, Sums())
            for name, value in sums.items():
                mine[name] = EXACT.add(mine[name], value)
    return {
        currency: Sums({name: value for name, value in sums.items() if value})
        for currency, sums in total.items()
    }


class _Line:
    """Makes the cells of lines. There may be hundreds of thousands: each computes only what is not zero."""

    def __init__(self, asked: Sequence[str], base: Sequence[str]) -> None:
        self._counts = [name for name in base if BASE_METRICS[name].kind is Kind.COUNT]
        # The cells of a line without anything, in the asked order.
        self._empty = {name: _cell(name, (), {}, Sums()) for name in asked}
        # The asked metrics that each base metric changes.
        self._uses = {name: [each for each in asked if name in _needs(each)] for name in base}

    def cells(self, by_currency: ByCurrency) -> dict[str, Cell]:
        """The cells of a line."""
        currencies = sorted(each for each in by_currency if each != NO_CURRENCY)
        counts = self._counted(by_currency)
        cells = dict(self._empty)
        for name in {
            use for sums in by_currency.values() for each in sums for use in self._uses[each]
        }:
            cells[name] = _cell(name, currencies, by_currency, counts)
        return cells

    def _counted(self, by_currency: ByCurrency) -> Sums:
        """Counts over all currencies."""
        if len(by_currency) == 1:
            return next(iter(by_currency.values()))
        counts = Sums()
        for sums in by_currency.values():
            for name in sums.keys() & self._counts:
                counts[name] += sums[name]
        return counts


def _needs(name: str) -> tuple[str, ...]:
    formula = FORMULA_METRICS.get(name)
    return formula.needs if formula else (name,)


def _cell(name: str, currencies: Sequence[str], by_currency: ByCurrency, counts: Sums) -> Cell:
    kind = METRICS[name].kind
    if kind not in {Kind.MONEY, Kind.MONEY_RATIO}:
        formula = FORMULA_METRICS.get(name)
        return formula.compute(counts) if formula else counts[name]
    numbers = _numbers(name, currencies, by_currency)
    if kind is Kind.MONEY_RATIO:
        return tuple([CurrencyRatio(ratio, currency) for currency, ratio in numbers])
    # An average amount is created here, so it is rounded here (M41); sums have their currency's decimals.
    return tuple([Money(quantise(amount, currency), currency) for currency, amount in numbers])


def _numbers(
    name: str, currencies: Sequence[str], by_currency: ByCurrency
) -> list[tuple[str, Decimal]]:
    """The metric in each currency that has something of what it needs, counts included."""
    formula = FORMULA_METRICS.get(name)
    if formula is None:
        return [(each, by_currency[each][name]) for each in currencies if name in by_currency[each]]
    having = [each for each in currencies if not by_currency[each].keys().isdisjoint(formula.needs)]
    with localcontext(EXACT):
        found = [(each, formula.compute(by_currency[each])) for each in having]
    return [(each, number) for each, number in found if number is not None]
