"""A report specification: what GraphQL, feeds, exports and the REST API all build (decision 7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from app.domain.errors import Invalid
from app.domain.reports.groupings import (
    GROUPING_DESCRIPTIONS,
    PERIODS,
    Grouping,
    TagGrouping,
)
from app.domain.reports.metrics import METRICS

__all__ = [
    "GROUPING_DESCRIPTIONS",
    "PERIODS",
    "Grouping",
    "ReportFilters",
    "ReportSpecification",
    "TagFilter",
    "TagGrouping",
]


LONGEST_RANGE_DAYS = 366 * 20
MOST_TAGS = 5
LONGEST_TAG = 100
# No tracking link is longer; no tag's value can be.
LONGEST_VALUE = 8_000


@dataclass(frozen=True, slots=True)
class TagFilter:
    """A dynamic tag with a value, or with any."""

    name: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class ReportFilters:
    """Which facts count. An empty tuple filters nothing."""

    brand_ids: tuple[int, ...] = ()
    campaign_ids: tuple[int, ...] = ()
    promo_ids: tuple[int, ...] = ()
    plan_ids: tuple[int, ...] = ()
    partner_ids: tuple[int, ...] = ()
    countries: tuple[str, ...] = ()
    traffic_source_ids: tuple[int, ...] = ()
    promo_codes: tuple[str, ...] = ()
    # Facts of a visit with at least one of the tags, and of none with one of those.
    tags_include: tuple[TagFilter, ...] = ()
    tags_exclude: tuple[TagFilter, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportSpecification:
    """Business days from `first_day` to `last_day`, both included, in each brand's own time zone (M42).

    With `as_known_at`, a time of the reader's clock, as the log knew it then; else up to the present (X03).

    Raises Invalid when it asks for what no report can answer.
    """

    first_day: date
    last_day: date
    metrics: tuple[str, ...]
    group_by: tuple[Grouping | TagGrouping, ...] = ()
    filters: ReportFilters = field(default_factory=ReportFilters)
    as_known_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.last_day < self.first_day:
            raise Invalid(
                f"the range ends on {self.last_day}, before it starts on {self.first_day}",
                field=("to",),
            )
        if (self.last_day - self.first_day).days > LONGEST_RANGE_DAYS:
            raise Invalid(f"the range is longer than {LONGEST_RANGE_DAYS} days", field=("from",))
        if len(set(self.group_by)) != len(self.group_by):
            raise Invalid("a grouping is named twice", field=("groupBy",))
        periods = [
            grouping
            for grouping in self.group_by
            if isinstance(grouping, Grouping) and grouping in PERIODS
        ]
        if len(periods) > 1:
            names = " and ".join(periods)
            raise Invalid(f"at most one period can group a report, not {names}", field=("groupBy",))
        for name in self.metrics:
            if name not in METRICS:
                raise Invalid(f"{name!r} is not a metric", field=("metrics",))
        self._check_tags()
        self._check_values()

    @property
    def tags(self) -> tuple[TagGrouping, ...]:
        """The dynamic tags among the groupings, in their order."""
        return tuple(item for item in self.group_by if isinstance(item, TagGrouping))

    def _check_tags(self) -> None:
        filters = self.filters
        uses = (
            ("groupByTags", [tag.name for tag in self.tags]),
            ("tagsInclude", [tag.name for tag in filters.tags_include]),
            ("tagsExclude", [tag.name for tag in filters.tags_exclude]),
        )
        for place, names in uses:
            if len(names) > MOST_TAGS:
                raise Invalid(
                    f"{len(names)} dynamic tags are too many: name up to {MOST_TAGS}",
                    field=(place,),
                )
            for name in names:
                if not 0 < len(name) <= LONGEST_TAG or "\x00" in name:
                    raise Invalid(
                        f"a dynamic tag has a name of 1 to {LONGEST_TAG} characters",
                        field=(place,),
                    )

    def _check_values(self) -> None:
        filters = self.filters
        uses = (
            ("promoCodes", filters.promo_codes),
            ("tagsInclude", [tag.value or "" for tag in filters.tags_include]),
            ("tagsExclude", [tag.value or "" for tag in filters.tags_exclude]),
        )
        for place, values in uses:
            if any(len(value) > LONGEST_VALUE or "\x00" in value for value in values):
                raise Invalid(
                    f"a value has up to {LONGEST_VALUE} characters, and none of them is NUL",
                    field=(place,),
                )
