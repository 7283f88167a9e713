"""What the rows of a report can be grouped by (A31), and as SQL: which dimension of the facts each one needs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.domain.reports.dimensions import NO_PLAYER
from app.infra.money import NO_CURRENCY


class Grouping(StrEnum):
    """What rows can be grouped by."""

    BRAND = "brand"
    CAMPAIGN = "campaign"
    PROMO = "promo"
    STRATEGY = "strategy"
    PARTNER = "partner"
    TRAFFIC_SOURCE = "traffic_source"
    PLAYER = "player"
    PLAYER_COUNTRY = "player_country"
    DEVICE = "device"
    CURRENCY = "currency"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    SIGN_UP_AT_DAY = "sign_up_at_day"
    SIGN_UP_AT_WEEK = "sign_up_at_week"
    SIGN_UP_AT_MONTH = "sign_up_at_month"
    SIGN_UP_AT_YEAR = "sign_up_at_year"
    FIRST_DEPOSIT_DAY = "first_deposit_day"
    FIRST_DEPOSIT_WEEK = "first_deposit_week"
    FIRST_DEPOSIT_MONTH = "first_deposit_month"
    FIRST_DEPOSIT_YEAR = "first_deposit_year"


@dataclass(frozen=True, slots=True)
class TagGrouping:
    """One row per value of a dynamic tag: `dynamic_tag_<name>` of W1."""

    name: str


_UNITS = {"day": "day", "week": "week; weeks start on Monday", "month": "month", "year": "year"}
GROUPING_DESCRIPTIONS = {
    Grouping.BRAND: "One row per brand.",
    Grouping.CAMPAIGN: "One row per campaign.",
    Grouping.PROMO: "One row per promo.",
    Grouping.STRATEGY: "One row per commission plan.",
    Grouping.PARTNER: "One row per partner.",
    Grouping.TRAFFIC_SOURCE: "One row per traffic source that the promos state; null for promos that state none.",
    Grouping.PLAYER: "One row per player, by an id that names nobody; null for what has no player, such as visits.",
    Grouping.PLAYER_COUNTRY: "One row per country of the visitors and players.",
    Grouping.DEVICE: "One row per device of the visit that visits, players and sales come from; unknown for coupons.",
    Grouping.CURRENCY: "One row per currency; null for visits, which have none.",
    Grouping.HOUR: "One row per hour in the brand's time zone. Activity stands in the hour in which its interval "
    "begins.",
    Grouping.DAY: "One row per business day.",
    Grouping.WEEK: "One row per week; weeks start on Monday.",
    Grouping.MONTH: "One row per calendar month.",
    Grouping.QUARTER: "One row per quarter.",
    Grouping.YEAR: "One row per year.",
    **{
        Grouping(
            f"sign_up_at_{unit}"
        ): f"One row per {text}, in which the players signed up; null for what has no "
        "player, such as visits."
        for unit, text in _UNITS.items()
    },
    **{
        Grouping(
            f"first_deposit_{unit}"
        ): f"One row per {text}, in which the players first deposited; null for what "
        "has no player, and for players who never did."
        for unit, text in _UNITS.items()
    },
}
PERIODS = frozenset(
    {
        *(Grouping.HOUR, Grouping.DAY, Grouping.WEEK),
        *(Grouping.MONTH, Grouping.QUARTER, Grouping.YEAR),
    }
)
SIGN_UP = {Grouping(f"sign_up_at_{unit}"): unit for unit in _UNITS}
FIRST_DEPOSIT = {Grouping(f"first_deposit_{unit}"): unit for unit in _UNITS}

# The dimensions beside the carried ones that groupings need.
NEEDS = {
    Grouping.HOUR: "hour",
    Grouping.DEVICE: "device",
    Grouping.PLAYER: "player_id",
    **dict.fromkeys((*SIGN_UP, *FIRST_DEPOSIT), "player_id"),
}

# Over a row `c` of what is counted, with the joins below.
_SQL = {
    Grouping.BRAND: "c.brand_id",
    Grouping.CAMPAIGN: "c.campaign_id",
    Grouping.PROMO: "c.promo_id",
    Grouping.STRATEGY: "c.plan_id",
    Grouping.PARTNER: "c.partner_id",
    Grouping.TRAFFIC_SOURCE: "stated.traffic_source_id",
    Grouping.PLAYER: f"NULLIF(c.player_id, {NO_PLAYER})",
    Grouping.PLAYER_COUNTRY: "c.country",
    Grouping.DEVICE: "c.device",
    Grouping.CURRENCY: f"NULLIF(c.currency, '{NO_CURRENCY}')",
    Grouping.HOUR: "c.hour",
    Grouping.DAY: "c.business_day",
}


def grouping_sql(grouping: Grouping | TagGrouping, place: int) -> str:
    """The key of a counted row `c`. `place` is that of the tag among the tags."""
    if isinstance(grouping, TagGrouping):
        return f"c.tag{place}"
    if grouping in SIGN_UP:
        signed_up = "signed_up.sign_up_at AT TIME ZONE home.time_zone"
        return f"date_trunc('{SIGN_UP[grouping]}', {signed_up})::date"
    if grouping in FIRST_DEPOSIT:
        return f"date_trunc('{FIRST_DEPOSIT[grouping]}', deposited.business_day::timestamp)::date"
    if grouping in _SQL:
        return _SQL[grouping]
    return f"date_trunc('{grouping.value}', c.business_day::timestamp)::date"


def grouping_joins(
    groupings: tuple[Grouping | TagGrouping, ...], where: str, position: str | None
) -> str:
    """What the keys of counted rows `c` need beside them. `where` limits the first deposits."""
    joins = []
    if Grouping.TRAFFIC_SOURCE in groupings:
        joins.append("LEFT JOIN promos stated ON stated.id = c.promo_id")
    if any(grouping in SIGN_UP for grouping in groupings):
        joins.append(
            "LEFT JOIN players signed_up ON signed_up.id = c.player_id"
            " LEFT JOIN brands home ON home.id = signed_up.brand_id"
        )
    if any(grouping in FIRST_DEPOSIT for grouping in groupings):
        joins.append(
            f"LEFT JOIN ({_first_deposits(where, position)}) deposited ON deposited.player_id = c.player_id"
        )
    return " ".join(joins)


def _first_deposits(where: str, position: str | None) -> str:
    if position is None:
        return (
            "SELECT f.player_id, f.business_day FROM first_deposits f"
            f" WHERE f.superseded_by IS NULL AND {where}"
        )
    return (
        "SELECT f.player_id, f.business_day FROM first_deposits f"
        f" JOIN recordings known ON known.id = f.recording_id AND known.position <= {position}"
        " LEFT JOIN recordings ended ON ended.id = f.superseded_by"
        " WHERE (f.superseded_by IS NULL OR ended.position IS NULL"
        f" OR ended.position > {position}) AND {where}"
    )
