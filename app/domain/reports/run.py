"""Running a report: rows and totals with exact numbers, money by currency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


# The sums of the base metrics, by currency.
Sums = dict[str, dict[str, Decimal]]


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
    groups: dict[tuple[Any, ...], Sums] = {}
    for row in found:
        keys = tuple(row[f"g{i}"] for i in range(len(specification.group_by)))
        groups.setdefault(keys, {})[row["currency"]] = {
            metric.name: row[metric.name] for metric in compiled.metrics
        }
    rows = tuple(
        ReportRow(
            dict(zip(specification.group_by, keys, strict=True)),
            _cells(specification, compiled, sums),
        )
        for keys, sums in groups.items()
        if _says_something(sums)
    )
    totals = ReportRow({}, _cells(specification, compiled, _total(groups.values())))
    return Report(rows, totals)


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


def _says_something(sums: Sums) -> bool:
    """False for a group whose every sum is zero, such as facts that a correction took back entirely."""
    return any(value for by_name in sums.values() for value in by_name.values())


def _total(groups: Iterable[Sums]) -> Sums:
    total: Sums = {}
    for sums in groups:
        for currency, by_name in sums.items():
            mine = total.setdefault(currency, dict.fromkeys(by_name, Decimal(0)))
            for name, value in by_name.items():
                mine[name] = EXACT.add(mine[name], value)
    return total


def _cells(
    specification: ReportSpecification, compiled: CompiledReport, sums: Sums
) -> dict[str, Cell]:
    names = [metric.name for metric in compiled.metrics]
    counts = {
        name: sum((by_name[name] for by_name in sums.values()), Decimal(0))
        for name in names
        if BASE_METRICS[name].kind is Kind.COUNT
    }
    currencies = sorted(currency for currency in sums if currency != NO_CURRENCY)
    return {name: _cell(name, currencies, sums, counts) for name in specification.metrics}


def _cell(name: str, currencies: list[str], sums: Sums, counts: Mapping[str, Decimal]) -> Cell:
    kind = METRICS[name].kind
    if kind not in {Kind.MONEY, Kind.MONEY_RATIO}:
        formula = FORMULA_METRICS.get(name)
        return formula.compute(counts) if formula else counts[name]
    numbers = _by_currency(name, currencies, sums)
    if kind is Kind.MONEY_RATIO:
        return tuple(CurrencyRatio(ratio, currency) for currency, ratio in numbers)
    # An average amount is created here, so it is rounded here (M41); sums have their currency's decimals.
    return tuple(Money(quantise(amount, currency), currency) for currency, amount in numbers)


def _by_currency(name: str, currencies: list[str], sums: Sums) -> list[tuple[str, Decimal]]:
    """The metric in each currency that has something of what it needs, counts included."""
    formula = FORMULA_METRICS.get(name)
    needs = formula.needs if formula else (name,)
    found = []
    for currency in currencies:
        if not any(sums[currency][need] for need in needs):
            continue
        with localcontext(EXACT):
            number = formula.compute(sums[currency]) if formula else sums[currency][name]
        if number is not None:
            found.append((currency, number))
    return found
