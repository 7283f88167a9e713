"""What facts can be told apart by: the dimensions of rollups and reports, as SQL over each source of facts.

The columns that every fact carries come as they are. Hour, device and dynamic tags belong to the visit that a fact
comes from: a visit's own, or that of its verdict, of its player, or of its sale. All of it is written once and never
changed, so a fact that is taken back is taken from where it was counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.domain.reports.metrics import DIMENSIONS, VERDICT_SOURCES, VISIT_SOURCES, Source
from app.infra.money import NO_CURRENCY

# The player of what has none: visits, and sales of customers that the brand did not name.
NO_PLAYER = 0

# In the text of a dimension or condition: the row of the visit, the moment, the player's id, the brand's row.
VISIT, MOMENT, PLAYER, BRAND = "{visit}", "{moment}", "{player}", "{brand}"


@dataclass(frozen=True, slots=True)
class Dimension:
    """A name, and an expression over a fact `f` in which the words above stand for what its source knows of them."""

    name: str
    expression: str


CARRIED = tuple(Dimension(name, f"f.{name}") for name in DIMENSIONS)
HOUR = Dimension(
    "hour",
    # In the brand's zone: some zones are half an hour off.
    f"date_trunc('hour', COALESCE({MOMENT}, f.business_day::timestamp AT TIME ZONE {BRAND}.time_zone),"
    f" {BRAND}.time_zone)",
)
DEVICE = Dimension("device", f"COALESCE({VISIT}.device, 'unknown')")
PLAYER_ID = Dimension("player_id", f"COALESCE({PLAYER}, {NO_PLAYER})")


def dynamic_tag(place: int, parameter: int) -> Dimension:
    """The value of the tag whose name is that parameter of the statement."""
    return Dimension(f"tag{place}", f"{VISIT}.tags ->> ${parameter}::text")


def on_source(source: Source, text: str) -> str:
    """The expression or condition for the facts of one source."""
    if text == "f.currency" and source in VISIT_SOURCES:
        return f"'{NO_CURRENCY}'"
    visit = "f" if source is Source.VISITS else "v"
    moment = "v.occurred_at" if source in VERDICT_SOURCES else "f.occurred_at"
    player = "NULL::bigint" if source in VISIT_SOURCES else "f.player_id"
    return (
        text.replace(VISIT, visit)
        .replace(MOMENT, moment)
        .replace(PLAYER, player)
        .replace(BRAND, "b")
    )


def joins_of(source: Source, texts: Iterable[str]) -> str:
    """The joins that those expressions and conditions need beside a fact `f` of that source."""
    used = " ".join(texts)
    joins = []
    needs_visit = VISIT in used or (MOMENT in used and source in VERDICT_SOURCES)
    if needs_visit and source is not Source.VISITS:
        joins.append(_visit_of(source))
    if BRAND in used:
        joins.append("JOIN brands b ON b.id = f.brand_id")
    return " ".join(joins)


def _visit_of(source: Source) -> str:
    if source in VERDICT_SOURCES or source is Source.CONVERSIONS:
        return "LEFT JOIN visits v ON v.id = f.visit_id"
    # A player's visit never changes.
    return "LEFT JOIN players vp ON vp.id = f.player_id LEFT JOIN visits v ON v.id = vp.visit_id"
