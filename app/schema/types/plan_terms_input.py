"""The terms of a commission plan as operators send them (O01). The domain says every mistake at its path."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

import strawberry

from app.schema.scalars import CountryCode, CurrencyCode
from app.schema.types.plan_enums import (
    PlanCapKind,
    PlanCapWindow,
    PlanCarryoverPolicy,
    PlanCarryoverReach,
    PlanCoins,
    PlanEvery,
    PlanMode,
    PlanProduct,
    PlanReach,
    PlanRewardKind,
    PlanSince,
    PlanSubaffiliateBasis,
    PlanTierBasis,
    PlanTierRate,
)


@strawberry.input(
    description="When billing periods begin: at the start of a business day of the brand."
)
class PlanScheduleInput:
    every: PlanEvery = strawberry.field(description="How often.")
    weekday: int | None = strawberry.field(
        default=None, description="With WEEK: the ISO weekday, 1 is Monday."
    )
    day: int | None = strawberry.field(
        default=None, description="With MONTH: 1 to 31; in a month without that day, its last day."
    )


@strawberry.input(description="A tier: it holds from its start up to the next one's.")
class PlanTierStepInput:
    start: Decimal = strawberry.field(
        description="Included; players, sales, or an amount in plan currency; 0 in the first."
    )
    amount: Decimal | None = strawberry.field(
        default=None, description="For rewards that pay an amount; in plan currency."
    )
    percent: Decimal | None = strawberry.field(
        default=None, description="For rewards that pay a percent, such as 25."
    )


@strawberry.input(description="Rates that depend on what is reached in the period (M13).")
class PlanTiersInput:
    basis: PlanTierBasis = strawberry.field(description="What decides the tier.")
    reach: PlanReach = strawberry.field(description="What is counted together.")
    rate: PlanTierRate = strawberry.field(description="What the reached tier means.")
    steps: list[PlanTierStepInput] = strawberry.field(description="In order: 2 to 20.")


@strawberry.input(description="The rate of one level of sub-affiliates.")
class PlanLevelInput:
    amount: Decimal | None = strawberry.field(
        default=None, description="For each qualified player of the child; in plan currency."
    )
    percent: Decimal | None = strawberry.field(
        default=None, description="Of what the basis says, such as 5."
    )


@strawberry.input(
    description="One thing that is paid; a plan with several pays each of them. Its kind decides which fields it has."
)
class PlanRewardInput:
    key: str = strawberry.field(
        description="Its name for programmes, the same across versions, such as revenue_share."
    )
    kind: PlanRewardKind = strawberry.field(description="What is paid for.")
    amount: Decimal | None = strawberry.field(
        default=None,
        description="What is paid, in plan currency, where its kind pays an amount without tiers.",
    )
    percent: Decimal | None = strawberry.field(
        default=None,
        description="What is paid, such as 30, where its kind pays a percent without tiers.",
    )
    product: PlanProduct | None = strawberry.field(
        default=None, description="For percents of NGR and of bets: of which product."
    )
    mode: PlanMode | None = strawberry.field(
        default=None, description="For percents of a period's activity: of what they are taken."
    )
    offset_products: bool | None = strawberry.field(
        default=None, description="With COMBINED: whether losses of one product reduce the others."
    )
    tiers: PlanTiersInput | None = strawberry.field(
        default=None, description="Instead of an amount or a percent."
    )
    basis: PlanSubaffiliateBasis | None = strawberry.field(
        default=None, description="For SUBAFFILIATE: what a parent is paid for."
    )
    with_cpa: bool | None = strawberry.field(
        default=None,
        description="With CHILD_COMMISSIONS: whether the child's fixed rewards per player count.",
    )
    levels: list[PlanLevelInput] | None = strawberry.field(
        default=None,
        description="For SUBAFFILIATE: a rate per level, the first of those whom the partner brought.",
    )


@strawberry.input(description="The time in which a player has to qualify.")
class PlanWithinInput:
    days: int = strawberry.field(
        description="How many business days after the first one, which counts too."
    )
    since: PlanSince = strawberry.field(description="Which day is the first one.")


@strawberry.input(
    description="When a player is qualified: when it meets everything that is stated (M12)."
)
class PlanQualificationInput:
    refuse_flagged: bool = strawberry.field(
        description="Whether a player flagged as fraud or duplicate never qualifies."
    )
    countries_in: list[CountryCode] | None = strawberry.field(
        default=None, description="Only players from these; left out: from all."
    )
    countries_out: list[CountryCode] | None = strawberry.field(
        default=None, description="No players from these."
    )
    minimum_first_deposit: Decimal | None = strawberry.field(
        default=None, description="Of the first deposit alone; in plan currency."
    )
    minimum_deposit_sum: Decimal | None = strawberry.field(
        default=None, description="Of all deposits together; in plan currency."
    )
    minimum_deposit_count: int | None = strawberry.field(
        default=None, description="How many deposits at least."
    )
    minimum_wager: Decimal | None = strawberry.field(
        default=None, description="Of bets on all products; in plan currency."
    )
    minimum_ngr: Decimal | None = strawberry.field(
        default=None, description="Of combined NGR; in plan currency."
    )
    within: PlanWithinInput | None = strawberry.field(
        default=None, description="In which time; left out: whenever it happens."
    )


@strawberry.input(description="What becomes of a negative result (M15).")
class PlanCarryoverInput:
    policy: PlanCarryoverPolicy = strawberry.field(description="Whether it is reset or carried.")
    reach: PlanCarryoverReach = strawberry.field(description="Of which sum it is the result.")


@strawberry.input(
    description="Players who win very much: the loss is held against them alone (M16)."
)
class PlanHighRollerInput:
    player_loss: Decimal = strawberry.field(
        description="X: the player's result is at or below minus this; in plan currency."
    )
    aggregate_loss: Decimal = strawberry.field(
        description="Y: the partner's sum is at or below minus this; in plan currency."
    )
    months: int = strawberry.field(description="For how many months.")


@strawberry.input(description="A limit; what is above it is rejected and not carried (M17).")
class PlanCapInput:
    kind: PlanCapKind = strawberry.field(description="What is limited.")
    window: PlanCapWindow = strawberry.field(description="Over what time.")
    reach: PlanReach = strawberry.field(description="What is counted together.")
    players: int | None = strawberry.field(
        default=None, description="With QUALIFIED_PLAYERS: how many."
    )
    amount: Decimal | None = strawberry.field(
        default=None, description="With COMMISSION: how much, in plan currency."
    )


@strawberry.input(
    description="The whole deal of a version. Amounts are in its currency, days are business days of the brand."
)
class PlanTermsInput:
    currency: CurrencyCode = strawberry.field(description="Of every amount, such as EUR.")
    schedule: PlanScheduleInput = strawberry.field(description="When billing periods begin.")
    hold_days: int = strawberry.field(
        description="How many days event-based commissions wait, 0 to 365."
    )
    minimum_bill: Decimal = strawberry.field(
        description="Below it no bill is made yet; in plan currency."
    )
    coins: PlanCoins = strawberry.field(description="What becomes of facts in a coin.")
    rewards: list[PlanRewardInput] = strawberry.field(description="What is paid: 1 to 20.")
    qualification: PlanQualificationInput | None = strawberry.field(
        default=None, description="When a player is qualified; left out: nothing depends on it."
    )
    carryover: PlanCarryoverInput | None = strawberry.field(
        default=None, description="There when a reward can be negative, and only then."
    )
    high_roller: PlanHighRollerInput | None = strawberry.field(
        default=None, description="Left out: no player is ring-fenced."
    )
    caps: list[PlanCapInput] | None = strawberry.field(
        default=None, description="What limits the commission; left out: nothing does."
    )


def document_of(value: Any) -> Any:
    """The JSON of an input, with the names of the terms: what was left out stays out."""
    if is_dataclass(value):
        found = {item.name: getattr(value, item.name) for item in fields(value)}
        return {name: document_of(inside) for name, inside in found.items() if inside is not None}
    if isinstance(value, list):
        return [document_of(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    return f"{value:f}" if isinstance(value, Decimal) else value
