"""What promos show besides their own row, for a whole page of them at once (A07, G24)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from app.domain.postbacks.reads import postbacks_of_campaigns, postbacks_of_promos
from app.domain.reports.metrics import METRICS, Kind
from app.domain.reports.run import Cell, ReportRow, run_report
from app.domain.reports.specification import Grouping, ReportFilters, ReportSpecification
from app.domain.scope import Scope
from app.models import Postback


@dataclass(frozen=True, slots=True)
class PromoPeriod:
    """Which numbers of a promo: business days from `first_day` to `last_day`, both included."""

    promo_id: int
    first_day: date
    last_day: date
    metrics: tuple[str, ...]


async def load_numbers(scope: Scope, wanted: Sequence[PromoPeriod]) -> list[ReportRow]:
    """The numbers of each promo in its period: one report for all promos of one period. Raises Invalid."""
    found: dict[PromoPeriod, ReportRow] = {}
    for first_day, last_day, metrics in {(w.first_day, w.last_day, w.metrics) for w in wanted}:
        promo_ids = tuple(
            w.promo_id
            for w in wanted
            if (w.first_day, w.last_day, w.metrics) == (first_day, last_day, metrics)
        )
        specification = ReportSpecification(
            first_day, last_day, metrics, (Grouping.PROMO,), ReportFilters(promo_ids=promo_ids)
        )
        for row in (await run_report(scope, specification)).rows:
            period = PromoPeriod(row.keys[Grouping.PROMO], first_day, last_day, metrics)
            found[period] = row
    return [found.get(period) or _nothing(period.metrics) for period in wanted]


def _nothing(metrics: tuple[str, ...]) -> ReportRow:
    """The line of a promo without facts, which no report has a row for."""
    none: dict[Kind, Cell] = {
        Kind.COUNT: Decimal(0),
        Kind.MONEY: (),
        Kind.RATIO: None,
        Kind.MONEY_RATIO: (),
    }
    return ReportRow({}, {name: none[METRICS[name].kind] for name in metrics})


async def load_postbacks(scope: Scope, promo_ids: Sequence[int]) -> list[list[Postback]]:
    """The postbacks of each promo, the oldest first; not those of its campaign or account."""
    rows = await postbacks_of_promos(scope, promo_ids)
    return [[row for row in rows if row.promo_id == promo_id] for promo_id in promo_ids]


async def load_campaign_postbacks(
    scope: Scope, campaign_ids: Sequence[int]
) -> list[list[Postback]]:
    """The postbacks of each campaign itself, the oldest first; not those of its promos or account."""
    rows = await postbacks_of_campaigns(scope, campaign_ids)
    return [[row for row in rows if row.campaign_id == campaign_id] for campaign_id in campaign_ids]
