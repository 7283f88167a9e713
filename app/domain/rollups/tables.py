"""The rollups, from the coarsest to the finest: what each can tell apart, and where it stands (decision 8)."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.reports.dimensions import CARRIED, DEVICE, HOUR, PLAYER_ID, Dimension


@dataclass(frozen=True, slots=True)
class Rollup:
    """Sums of all facts by day, promo, plan, country, currency, and by what it adds to them."""

    name: str
    table: str
    adds: tuple[Dimension, ...] = ()

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """Every dimension of its rows."""
        return (*CARRIED, *self.adds)

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that make a row unique; a promo has one campaign, brand and partner."""
        carried = ("business_day", "promo_id", "plan_id", "country", "currency")
        return (*carried, *(each.name for each in self.adds))


DAILY = Rollup("daily", "daily_rollups")
HOURLY = Rollup("hourly", "hourly_rollups", (HOUR, DEVICE))
PLAYERS = Rollup("players", "player_rollups", (PLAYER_ID,))
# A report takes the first that can answer.
ROLLUPS = (DAILY, HOURLY, PLAYERS)
