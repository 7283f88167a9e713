"""The performance report in GraphQL. Its metric fields are made from the registry (decision 7)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any

import strawberry
from strawberry.types import Info
from strawberry.types.nodes import FragmentSpread, InlineFragment, SelectedField, Selection
from strawberry.utils.str_converters import to_camel_case

from app.domain.errors import Invalid
from app.domain.reports import run
from app.domain.reports.metrics import METRICS, Additivity, BaseMetric, FormulaMetric, Kind
from app.domain.reports.run import ReportRow as DomainRow
from app.domain.reports.specification import (
    GROUPING_DESCRIPTIONS,
    Grouping,
    ReportFilters,
    ReportSpecification,
    TagFilter,
    TagGrouping,
)
from app.infra.money import EXACT, decimal_text
from app.models.base import TenantModel
from app.resolvers.reports import NamedReport
from app.schema.ids import decode_id, encode_id
from app.schema.scalars import Count, CountryCode, CurrencyCode
from app.schema.types.campaign import Campaign, Promo
from app.schema.types.money import Money
from app.schema.types.offer import Brand, TrafficSource
from app.schema.types.plan import CommissionPlan

_make_enum: Any = strawberry.enum


def grouping_enum(groupings: Iterable[Grouping]) -> Any:
    """The enum of what rows of a schema's report can be grouped by."""
    values = {
        item.name: strawberry.enum_value(item.value, description=GROUPING_DESCRIPTIONS[item])
        for item in groupings
    }
    return _make_enum(
        Enum("ReportGrouping", values),
        description="What rows can be grouped by; at most one period.",
    )


ReportGrouping = grouping_enum(item for item in Grouping if item is not Grouping.PARTNER)


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """What a row's resolvers read."""

    row: DomainRow
    named: Mapping[Grouping, Mapping[int, TenantModel]]


@strawberry.type(description="A ratio of amounts in one currency.")
class CurrencyRatio:
    ratio: Decimal = strawberry.field(description='To six decimals, such as "0.25".')
    currency: CurrencyCode = strawberry.field(description="Such as EUR.")

    @classmethod
    def of(cls, value: run.CurrencyRatio) -> CurrencyRatio:
        """From the domain's value."""
        return cls(ratio=_six_decimals(value.ratio), currency=CurrencyCode(value.currency))


def _six_decimals(ratio: Decimal) -> Decimal:
    return Decimal(decimal_text(EXACT.quantize(ratio, Decimal("0.000001"))))


def _metric_resolver(metric: BaseMetric | FormulaMetric) -> Callable[..., Any]:
    name = metric.name
    if metric.kind is Kind.MONEY:

        def money(root: Any) -> list[Money]:
            return [Money.of(value) for value in root.line.row.cells[name]]

        return money
    if metric.kind is Kind.COUNT:

        def count(root: Any) -> Count:
            return Count(int(root.line.row.cells[name]))

        return count
    if metric.kind is Kind.MONEY_RATIO:

        def ratios(root: Any) -> list[CurrencyRatio]:
            return [CurrencyRatio.of(value) for value in root.line.row.cells[name]]

        return ratios

    def ratio(root: Any) -> Decimal | None:
        value = root.line.row.cells[name]
        return None if value is None else _six_decimals(value)

    return ratio


_UNITS = {Kind.MONEY: "One amount per currency.", Kind.MONEY_RATIO: "One ratio per currency."}


def _metric_description(metric: BaseMetric | FormulaMetric) -> str:
    parts = [metric.description]
    if isinstance(metric, FormulaMetric):
        parts.append(f"Formula: {metric.formula}.")
    parts.append(f"Placed by {metric.placed_by}.")
    if metric.additivity is Additivity.RATIO_OF_SUMS:
        parts.append("A ratio of sums, in totals too.")
    if metric.kind in _UNITS:
        parts.append(_UNITS[metric.kind])
    return " ".join(parts)


def _metric_fields() -> dict[str, Any]:
    return {
        name: strawberry.field(
            resolver=_metric_resolver(metric), description=_metric_description(metric)
        )
        for name, metric in METRICS.items()
    }


def key_field(
    grouping: Grouping, kind: Any, convert: Callable[[Any], Any], description: str
) -> Any:
    """The field of a row's key: what `convert` makes of the value, or of the row that the value names."""

    def key(root: Any) -> Any:
        if grouping not in root.line.row.keys:
            name = grouping.name
            raise Invalid(
                f"the report is not grouped by {name}: add it to groupBy", field=("groupBy",)
            )
        value = root.line.row.keys[grouping]
        if value is None:
            return None
        named = root.line.named.get(grouping)
        return convert(value if named is None else named[value])

    key.__annotations__ = {"root": Any, "return": kind}
    return strawberry.field(resolver=key, description=description)


def _same(value: Any) -> Any:
    return value


def _player_id(value: int) -> str:
    return encode_id("Player", value)


def _tag_field() -> Any:
    def dynamic_tag(root: Any, name: str) -> str | None:
        key = TagGrouping(name)
        if key not in root.line.row.keys:
            raise Invalid(
                f"the report is not grouped by the tag {name!r}: add it to groupByTags",
                field=("groupByTags",),
            )
        value: str | None = root.line.row.keys[key]
        return value

    words = strawberry.argument(description="The tag, as in groupByTags.")
    dynamic_tag.__annotations__ = {
        "root": Any,
        "name": Annotated[str, words],
        "return": str | None,
    }
    return strawberry.field(
        resolver=dynamic_tag,
        description="The value of a dynamic tag of groupByTags; null for facts whose visit lacks it.",
    )


def _cohort_keys() -> dict[str, Any]:
    """The periods in which players signed up or first deposited."""
    starts = {"day": "The business day", "week": "The Monday", "month": "Its first day"}
    found = {}
    for prefix in ("sign_up_at", "first_deposit"):
        for unit, words in (starts | {"year": "Its first day"}).items():
            grouping = Grouping(f"{prefix}_{unit}")
            text = f"{words}; null for what has no such day. When grouped by {grouping.name}."
            found[grouping.value] = key_field(grouping, date | None, _same, text)
    return found


REPORT_COST = 50

_KEYS = {
    "brand": key_field(Grouping.BRAND, Brand, Brand.of, "When grouped by BRAND."),
    "campaign": key_field(Grouping.CAMPAIGN, Campaign, Campaign.of, "When grouped by CAMPAIGN."),
    "promo": key_field(Grouping.PROMO, Promo, Promo.of, "When grouped by PROMO."),
    "strategy": key_field(
        Grouping.STRATEGY, CommissionPlan, CommissionPlan.of, "When grouped by STRATEGY."
    ),
    "player_country": key_field(
        Grouping.PLAYER_COUNTRY,
        CountryCode,
        _same,
        "ISO 3166 alpha-2, ZZ when unknown; when grouped by PLAYER_COUNTRY.",
    ),
    "traffic_source": key_field(
        Grouping.TRAFFIC_SOURCE,
        TrafficSource | None,
        TrafficSource.of,
        "Null for promos that state none; when grouped by TRAFFIC_SOURCE.",
    ),
    "player_id": key_field(
        Grouping.PLAYER,
        strawberry.ID | None,
        _player_id,
        "The player, by an id that names nobody; null for what has no player. When grouped by PLAYER.",
    ),
    "device": key_field(
        Grouping.DEVICE,
        str,
        _same,
        "desktop, mobile, tablet, bot or unknown; when grouped by DEVICE.",
    ),
    "currency": key_field(
        Grouping.CURRENCY,
        CurrencyCode | None,
        _same,
        "Null for visits; when grouped by CURRENCY.",
    ),
    "hour": key_field(
        Grouping.HOUR, datetime, _same, "The beginning of the hour, in UTC; when grouped by HOUR."
    ),
    "day": key_field(Grouping.DAY, date, _same, "The brand's business day; when grouped by DAY."),
    "week": key_field(Grouping.WEEK, date, _same, "The Monday; when grouped by WEEK."),
    "month": key_field(Grouping.MONTH, date, _same, "Its first day; when grouped by MONTH."),
    "quarter": key_field(Grouping.QUARTER, date, _same, "Its first day; when grouped by QUARTER."),
    "year": key_field(Grouping.YEAR, date, _same, "Its first day; when grouped by YEAR."),
    **_cohort_keys(),
    "dynamic_tag": _tag_field(),
}


def _line_type(name: str, description: str, fields: dict[str, Any]) -> Any:
    namespace = {
        "__annotations__": {"line": strawberry.Private[Line]},
        "__module__": __name__,
        **fields,
    }
    return strawberry.type(type(name, (), namespace), description=description)


def row_type(**more: Any) -> Any:
    """The type of a report's rows, with more keys than those that every schema has."""
    return _line_type("ReportRow", "One line of a report.", {**_KEYS, **more, **_metric_fields()})


ReportRow = row_type()
ReportTotals = _line_type(
    "ReportTotals", "Totals over all rows; formulas are applied to the sums.", _metric_fields()
)


@strawberry.type(
    description="A report: rows in the order of their groupings, and totals over all of them."
)
class PerformanceReport:
    named: strawberry.Private[NamedReport]

    @strawberry.field(
        graphql_type=list[ReportRow],  # type: ignore[valid-type]
        description="Empty when there is nothing in the range.",
    )
    def rows(self) -> Any:
        return [ReportRow(line=Line(row, self.named.named)) for row in self.named.report.rows]

    @strawberry.field(graphql_type=ReportTotals, description="Totals over all rows.")
    def totals(self) -> Any:
        return ReportTotals(line=Line(self.named.report.totals, {}))


@strawberry.input(description="A dynamic tag of tracking links, with a value or with any.")
class DynamicTagInput:
    name: str = strawberry.field(description="Such as clickID.")
    value: str | None = strawberry.field(default=None, description="Absent: any value.")

    def to_domain(self) -> TagFilter:
        """The domain's filter."""
        return TagFilter(self.name, self.value)


@strawberry.input(description="Which facts count. An absent or empty list filters nothing.")
class ReportFilterInput:
    brand_ids: list[strawberry.ID] = strawberry.field(default_factory=list, description="Brands.")
    campaign_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Campaigns."
    )
    promo_ids: list[strawberry.ID] = strawberry.field(default_factory=list, description="Promos.")
    countries: list[CountryCode] = strawberry.field(
        default_factory=list, description='Players\' countries, such as ["RO", "DE"].'
    )
    traffic_source_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Traffic sources that promos state."
    )
    promo_codes: list[str] = strawberry.field(
        default_factory=list, description="Promos, by the code of their tracking link."
    )
    tags_include: list[DynamicTagInput] = strawberry.field(
        default_factory=list,
        description="Only facts whose visit carries at least one of these tags: its own, its player's, its sale's.",
    )
    tags_exclude: list[DynamicTagInput] = strawberry.field(
        default_factory=list, description="Only facts whose visit carries none of these tags."
    )

    def to_domain(self) -> ReportFilters:
        """The domain's filters; raises NotFound naming the field of an id that is none."""
        return ReportFilters(
            brand_ids=tuple(decode_id("Brand", item, "brandIds") for item in self.brand_ids),
            campaign_ids=tuple(
                decode_id("Campaign", item, "campaignIds") for item in self.campaign_ids
            ),
            promo_ids=tuple(decode_id("Promo", item, "promoIds") for item in self.promo_ids),
            countries=tuple(str(code) for code in self.countries),
            traffic_source_ids=tuple(
                decode_id("TrafficSource", item, "trafficSourceIds")
                for item in self.traffic_source_ids
            ),
            promo_codes=tuple(self.promo_codes),
            tags_include=tuple(tag.to_domain() for tag in self.tags_include),
            tags_exclude=tuple(tag.to_domain() for tag in self.tags_exclude),
        )


@strawberry.input(description="What to report. The metrics are those that the operation selects.")
class PerformanceReportInput:
    from_: date = strawberry.field(
        name="from",
        description="The first business day in each brand's time zone, such as 2026-03-01.",
    )
    to: date = strawberry.field(description="The last business day, included.")
    group_by: list[ReportGrouping] = strawberry.field(  # type: ignore[valid-type]
        default_factory=list, description="Groupings in the wanted order; none: totals only."
    )
    group_by_tags: list[str] = strawberry.field(
        default_factory=list,
        description='Dynamic tags to group by, after the others, such as ["clickID"].',
    )
    filter: ReportFilterInput | None = strawberry.field(
        default=None, description="Which facts count."
    )
    as_known_at: datetime | None = strawberry.field(
        default=None,
        description="As the log knew it then: corrections that came later are not there, and the same question always "
        "gets the same answer. Nothing is known before the first record. Absent: up to this moment (X03).",
    )

    def specification(self, metrics: tuple[str, ...]) -> ReportSpecification:
        """The domain's specification; raises Invalid or NotFound naming the field."""
        chosen = self.filter or ReportFilterInput()
        return ReportSpecification(
            self.from_,
            self.to,
            metrics,
            (
                *(Grouping(item.value) for item in self.group_by),  # type: ignore[attr-defined]
                *(TagGrouping(name) for name in self.group_by_tags),
            ),
            chosen.to_domain(),
            self.as_known_at,
        )


_BY_FIELD = {to_camel_case(name): name for name in METRICS}


def selected_metrics(info: Info) -> tuple[str, ...]:
    """The metrics that the operation selects in rows or totals, in the registry's order.

    A field that `@skip` leaves out is still counted here: it costs a sum, never a wrong number.
    """
    found: set[str] = set()

    def visit(selections: list[Selection]) -> None:
        for selection in selections:
            if isinstance(selection, SelectedField) and selection.name in _BY_FIELD:
                found.add(_BY_FIELD[selection.name])
            if isinstance(selection, SelectedField | InlineFragment | FragmentSpread):
                visit(selection.selections)

    visit(info.selected_fields)
    return tuple(name for name in METRICS if name in found)
