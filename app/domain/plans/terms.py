"""The terms of a plan version: what a partner earns, for what, and when (M10 to M17, M1C).

This is the whole deal, in a form that can be executed: each class below is an object of the JSON that a version holds,
each field a key of it. A key that is left out means what its comment says. Amounts are decimal strings in the currency
of the terms, percents are decimal strings of a hundred, and days are business days of the brand (M42). What the JSON
must be is said by the rules here and by `checks.py`; `reading.py` reads and writes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from app.domain.plans.rules import Amount, Country, Currency, Flag, Key, Percent, Whole

MOST_REWARDS, MOST_STEPS, MOST_LEVELS, MOST_CAPS = 20, 20, 10, 10
SUBAFFILIATE = "subaffiliate"


class Every(StrEnum):
    """How often a billing period begins."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When billing periods begin: at the start of a business day. Each ends where the next begins."""

    every: Every
    # With `week`: the ISO weekday on which each period begins, 1 is Monday.
    weekday: int | None = field(default=None, metadata={"rule": Whole(1, 7)})
    # With `month`: the day on which each period begins; in a month without that day, its last day.
    day: int | None = field(default=None, metadata={"rule": Whole(1, 31)})


class RewardKind(StrEnum):
    """What is paid for (M11)."""

    # Once for each player, when it qualifies.
    FIXED_PER_PLAYER = "fixed_per_player"
    FIXED_PER_REGISTRATION = "fixed_per_registration"
    FIXED_PER_LEAD = "fixed_per_lead"
    FIXED_PER_SALE = "fixed_per_sale"
    PERCENT_OF_SALE = "percent_of_sale"
    # Of a period's activity.
    PERCENT_OF_NGR = "percent_of_ngr"
    PERCENT_OF_DEPOSITS = "percent_of_deposits"
    # Deposits − cash-outs − chargebacks, not below zero.
    PERCENT_OF_EFFECTIVE_DEPOSITS = "percent_of_effective_deposits"
    PERCENT_OF_WAGER = "percent_of_wager"
    PERCENT_OF_RAKE = "percent_of_rake"
    # Once for each period and partner, however many campaigns it has on the plan.
    FLAT_FEE = "flat_fee"
    SUBAFFILIATE = "subaffiliate"
    # What advertisers and operators enter by hand (M1A); it has no rate.
    MANUAL = "manual"


class Product(StrEnum):
    """Of which product the activity counts."""

    CASINO = "casino"
    SPORTSBOOK = "sportsbook"
    POKER = "poker"
    # All three together; for NGR only.
    COMBINED = "combined"


class Mode(StrEnum):
    """Of what the percent is taken."""

    # Of the sum over all players; losses of some reduce the others.
    AGGREGATE = "aggregate"
    # Of each player by itself, a negative one counting as zero.
    PER_PLAYER = "per_player"


class Reach(StrEnum):
    """What is counted together."""

    # Each campaign by itself.
    CAMPAIGN = "campaign"
    # All campaigns of the partner on this plan.
    PLAN = "plan"
    # All campaigns of the partner with this brand, whatever their plans.
    PARTNER_BRAND = "partner_brand"


class TierBasis(StrEnum):
    """What decides the tier; each begins at zero in every period (M13)."""

    QUALIFIED_PLAYERS = "qualified_players"
    # Of the reward's product; combined for rewards without one.
    NGR = "ngr"
    DEPOSITS = "deposits"
    SALES_COUNT = "sales_count"
    SALES_AMOUNT = "sales_amount"


COUNTED = frozenset({TierBasis.QUALIFIED_PLAYERS, TierBasis.SALES_COUNT})


class TierRate(StrEnum):
    """What the reached tier means."""

    # Each band is paid at its own rate.
    MARGINAL = "marginal"
    # All of the period is paid at the rate of the tier that was reached.
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class TierStep:
    """A tier: it holds from `start` inclusive up to the next one's start, in players, sales or plan currency."""

    start: Decimal = field(metadata={"rule": Amount(of_currency=False)})
    amount: Decimal | None = field(default=None, metadata={"rule": Amount()})
    percent: Decimal | None = field(default=None, metadata={"rule": Percent(zero=True)})


@dataclass(frozen=True, slots=True)
class Tiers:
    """Rates that depend on what was reached in the period."""

    basis: TierBasis
    reach: Reach
    rate: TierRate
    steps: tuple[TierStep, ...] = field(metadata={"least": 2, "most": MOST_STEPS})


class SubaffiliateBasis(StrEnum):
    """What a parent is paid for (M1C)."""

    # An amount for each qualified player of the child.
    CHILD_QUALIFIED_PLAYER = "child_qualified_player"
    # A percent of what the child earns.
    CHILD_COMMISSIONS = "child_commissions"
    # A percent of the combined NGR of the child's players.
    CHILD_NGR = "child_ngr"


@dataclass(frozen=True, slots=True)
class Level:
    """The rate of one level: the first is of the partner's own sub-affiliates, the second of theirs, and so on."""

    amount: Decimal | None = field(default=None, metadata={"rule": Amount(zero=False)})
    percent: Decimal | None = field(default=None, metadata={"rule": Percent()})


@dataclass(frozen=True, slots=True)
class Reward:
    """One thing that is paid. A plan with several pays each of them (hybrid). Which keys it has depends on its kind."""

    # Names the reward in lines, carried results and comparisons; unique in the terms, the same across versions.
    key: str = field(metadata={"rule": Key()})
    kind: RewardKind
    amount: Decimal | None = field(default=None, metadata={"rule": Amount(zero=False)})
    percent: Decimal | None = field(default=None, metadata={"rule": Percent()})
    product: Product | None = None
    mode: Mode | None = None
    # With combined NGR: whether losses of one product reduce the others; false: each counts from zero up.
    offset_products: bool | None = field(default=None, metadata={"rule": Flag()})
    # Instead of `amount` or `percent`.
    tiers: Tiers | None = None
    basis: SubaffiliateBasis | None = None
    # With `child_commissions`: whether the child's fixed rewards per player count.
    with_cpa: bool | None = field(default=None, metadata={"rule": Flag()})
    levels: tuple[Level, ...] = field(default=(), metadata={"least": 1, "most": MOST_LEVELS})


class Since(StrEnum):
    """From when a player's time runs."""

    REGISTRATION = "registration"
    FIRST_DEPOSIT = "first_deposit"


@dataclass(frozen=True, slots=True)
class Within:
    """The time that counts: the business day of `since`, and this many days after it."""

    days: int = field(metadata={"rule": Whole(1, 3_650)})
    since: Since


@dataclass(frozen=True, slots=True)
class Qualification:
    """When a player is qualified: when it meets everything that is stated, in the stated time (M12).

    Amounts in other currencies are converted at the rate of the day on which they occurred.
    """

    # Whether a player with a flag of fraud or duplicate never qualifies.
    refuse_flagged: bool = field(metadata={"rule": Flag()})
    # Only players from these countries; left out: from all.
    countries_in: tuple[str, ...] = field(
        default=(), metadata={"rule": Country(), "least": 1, "most": 249}
    )
    # No players from these countries.
    countries_out: tuple[str, ...] = field(
        default=(), metadata={"rule": Country(), "least": 1, "most": 249}
    )
    # The first deposit alone is at least this.
    minimum_first_deposit: Decimal | None = field(
        default=None, metadata={"rule": Amount(zero=False)}
    )
    minimum_deposit_sum: Decimal | None = field(default=None, metadata={"rule": Amount(zero=False)})
    minimum_deposit_count: int | None = field(default=None, metadata={"rule": Whole(1, 1_000)})
    # Bets of all products.
    minimum_wager: Decimal | None = field(default=None, metadata={"rule": Amount(zero=False)})
    # Combined NGR.
    minimum_ngr: Decimal | None = field(default=None, metadata={"rule": Amount(zero=False)})
    # Left out: whenever it happens.
    within: Within | None = None


class CarryoverPolicy(StrEnum):
    """What becomes of a period's negative result (M15)."""

    NO_CARRYOVER = "no_carryover"
    CARRYOVER = "carryover"


class CarryoverReach(StrEnum):
    """What is summed before a negative result is reset or carried."""

    REWARD = "reward"
    PLAN = "plan"
    PARTNER_BRAND = "partner_brand"


@dataclass(frozen=True, slots=True)
class Carryover:
    """What becomes of a negative result, and of which sum it is the result."""

    policy: CarryoverPolicy
    reach: CarryoverReach


@dataclass(frozen=True, slots=True)
class HighRoller:
    """Players whose big losses to the brand's house are carried by themselves alone (M16). Both losses above zero.

    A player at or below −`player_loss`, while the partner's sum is at or below −`aggregate_loss`, is ring-fenced.
    """

    player_loss: Decimal = field(metadata={"rule": Amount(zero=False)})
    aggregate_loss: Decimal = field(metadata={"rule": Amount(zero=False)})
    months: int = field(metadata={"rule": Whole(1, 120)})


class CapKind(StrEnum):
    """What is limited (M17)."""

    QUALIFIED_PLAYERS = "qualified_players"
    COMMISSION = "commission"


class CapWindow(StrEnum):
    """Over what time."""

    PERIOD = "period"
    TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Cap:
    """A limit. What is above it, in order of qualification time, then id, is rejected and not carried."""

    kind: CapKind
    window: CapWindow
    reach: Reach
    # With `qualified_players`.
    players: int | None = field(default=None, metadata={"rule": Whole(1, 10_000_000)})
    # With `commission`.
    amount: Decimal | None = field(default=None, metadata={"rule": Amount(zero=False)})


class Coins(StrEnum):
    """What becomes of facts in a coin."""

    # They are paid in their coin.
    KEEP = "keep"
    # They are converted to the plan's currency, as fiat money is.
    CONVERT = "convert"


@dataclass(frozen=True, slots=True)
class Terms:
    """The whole deal of one version."""

    # Of every amount below. Facts in other fiat money are converted at the rate of their day.
    currency: str = field(metadata={"rule": Currency()})
    schedule: Schedule
    # How long event-based commissions wait before they are accepted.
    hold_days: int = field(metadata={"rule": Whole(0, 365)})
    # Below this sum, in plan currency, no bill is made yet (M22).
    minimum_bill: Decimal = field(metadata={"rule": Amount()})
    coins: Coins
    rewards: tuple[Reward, ...] = field(metadata={"least": 1, "most": MOST_REWARDS})
    # Left out: no player qualifies, and nothing here depends on it.
    qualification: Qualification | None = None
    # There when a reward can be negative, and only then.
    carryover: Carryover | None = None
    # Left out: no player is ring-fenced.
    high_roller: HighRoller | None = None
    caps: tuple[Cap, ...] = field(default=(), metadata={"least": 1, "most": MOST_CAPS})


def has_subaffiliate_reward(terms: Mapping[str, Any]) -> bool:
    """Whether these terms pay for sub-affiliates: without that, landings for them are not offered (A05)."""
    return any(reward.get("kind") == SUBAFFILIATE for reward in terms.get("rewards", ()))
