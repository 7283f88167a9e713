"""What postbacks show besides their own row, for a whole page of them at once (X07, G24)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.postbacks.tally import Tally, tallies
from app.domain.scope import Scope


@dataclass(frozen=True, slots=True)
class PostbackPeriod:
    """A postback, and a time from which on to before another, in UTC."""

    postback_id: int
    first: datetime
    before: datetime


async def load_tallies(scope: Scope, wanted: Sequence[PostbackPeriod]) -> list[Tally]:
    """The tally of each postback in its period: one for all postbacks of one period. Raises Invalid."""
    found: dict[PostbackPeriod, Tally] = {}
    for first, before in {(period.first, period.before) for period in wanted}:
        ids = [item.postback_id for item in wanted if (item.first, item.before) == (first, before)]
        for postback_id, tally in (await tallies(scope, ids, first, before)).items():
            found[PostbackPeriod(postback_id, first, before)] = tally
    return [found.get(period, Tally()) for period in wanted]
