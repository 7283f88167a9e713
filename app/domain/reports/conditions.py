"""Which facts count: the limits of the scope and the filters of a specification, as conditions on a fact `f`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from app.domain.reports.dimensions import VISIT
from app.domain.reports.specification import ReportSpecification, TagFilter
from app.domain.scope import Scope
from app.infra.visit_ids import first_visit_id

# What visit ids can tell of time.
_EARLIEST, _LATEST = date(2020, 1, 3), date(2150, 1, 1)
# A business day is up to a day away from UTC's on either side; clocks of processes differ a little.
_MARGIN = timedelta(days=2)


@dataclass(slots=True)
class Conditions:
    """Conditions and the statement's values, which are numbered as they come."""

    values: list[Any] = field(default_factory=list)
    # Of partner and brand alone: for what is not placed on a day.
    limits: list[str] = field(default_factory=list)
    chosen: list[str] = field(default_factory=list)

    def value(self, value: Any) -> str:
        """The parameter that stands for a value."""
        self.values.append(value)
        return f"${len(self.values)}"

    @property
    def limiting(self) -> str:
        """What limits the scope."""
        return " AND ".join(self.limits) or "TRUE"

    @property
    def where(self) -> str:
        """Everything."""
        return " AND ".join([*self.limits, *self.chosen])


def conditions_of(scope: Scope, specification: ReportSpecification) -> Conditions:
    """The conditions of a report."""
    found = Conditions()
    filters = specification.filters
    first, last = found.value(specification.first_day), found.value(specification.last_day)
    found.chosen.append(f"f.business_day BETWEEN {first} AND {last}")

    def among(column: str, kind: str, allowed: Iterable[Any]) -> str:
        return f"{column} = ANY({found.value(sorted(allowed))}::{kind}[])"

    if scope.partner_id is not None:
        found.limits.append(among("f.partner_id", "bigint", [scope.partner_id]))
    if scope.brand_ids is not None:
        found.limits.append(among("f.brand_id", "bigint", scope.brand_ids))
    carried: tuple[tuple[str, str, Any], ...] = (
        ("brand_id", "bigint", filters.brand_ids),
        ("campaign_id", "bigint", filters.campaign_ids),
        ("promo_id", "bigint", filters.promo_ids),
        ("plan_id", "bigint", filters.plan_ids),
        ("partner_id", "bigint", filters.partner_ids),
        ("country", "text", filters.countries),
    )
    for column, kind, allowed in carried:
        if allowed:
            found.chosen.append(among(f"f.{column}", kind, allowed))
    of_promos: tuple[tuple[str, str, Any], ...] = (
        ("code", "text", filters.promo_codes),
        ("traffic_source_id", "bigint", filters.traffic_source_ids),
    )
    for column, kind, allowed in of_promos:
        if allowed:
            promos = f"SELECT id FROM promos WHERE {among(column, kind, allowed)}"
            found.chosen.append(f"f.promo_id IN ({promos})")
    if filters.tags_include:
        found.chosen.append(f"({_any_tag(found, filters.tags_include)})")
    if filters.tags_exclude:
        found.chosen.append(f"NOT COALESCE({_any_tag(found, filters.tags_exclude)}, FALSE)")
    return found


def _any_tag(found: Conditions, tags: Iterable[TagFilter]) -> str:
    """True for a fact whose visit has one of the tags; null for one without a visit."""
    alternatives = []
    for tag in tags:
        name = f"{VISIT}.tags ->> {found.value(tag.name)}::text"
        wanted = "IS NOT NULL" if tag.value is None else f"= {found.value(tag.value)}"
        alternatives.append(f"{name} {wanted}")
    return f"({' OR '.join(alternatives)})"


def visit_ids_between(first: date, last: date, offsets: tuple[timedelta, timedelta]) -> str:
    """A condition that every visit of those business days meets: partitions of other times are left out.

    `offsets` are the least and the largest by which a brand's clock runs ahead of the machine's, which makes the ids.
    """
    least, largest = offsets
    since = _time(first) - _MARGIN - largest
    until = _time(last) + _MARGIN - least + timedelta(days=1)
    return f"f.id BETWEEN {_visit_id(since)} AND {_visit_id(until)}"


def _time(day: date) -> datetime:
    return datetime.combine(min(max(day, _EARLIEST), _LATEST), time(), UTC)


def _visit_id(at: datetime) -> int:
    return min(max(first_visit_id(at), 0), 2**63 - 1)
