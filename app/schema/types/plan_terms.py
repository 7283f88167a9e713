"""The terms of a commission plan in GraphQL: what partners and operators read (A09)."""

from __future__ import annotations

from decimal import Decimal

import strawberry

from app.domain.plans import terms
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


@strawberry.type(
    description="When billing periods begin: at the start of a business day of the brand."
)
class PlanSchedule:
    every: PlanEvery = strawberry.field(description="How often.")
    weekday: int | None = strawberry.field(description="With WEEK: the ISO weekday, 1 is Monday.")
    day: int | None = strawberry.field(
        description="With MONTH: 1 to 31; in a month without that day, its last day."
    )

    @classmethod
    def of(cls, value: terms.Schedule) -> PlanSchedule:
        """From the domain."""
        return cls(
            every=PlanEvery(value.every.value),
            weekday=value.weekday,
            day=value.day,
        )


@strawberry.type(description="A tier: it holds from its start up to the next one's.")
class PlanTierStep:
    start: Decimal = strawberry.field(
        description="Included; players, sales, or an amount in plan currency; 0 in the first."
    )
    amount: Decimal | None = strawberry.field(
        description="For rewards that pay an amount; in plan currency."
    )
    percent: Decimal | None = strawberry.field(
        description="For rewards that pay a percent, such as 25."
    )

    @classmethod
    def of(cls, value: terms.TierStep) -> PlanTierStep:
        """From the domain."""
        return cls(
            start=value.start,
            amount=value.amount,
            percent=value.percent,
        )


@strawberry.type(description="Rates that depend on what is reached in the period (M13).")
class PlanTiers:
    basis: PlanTierBasis = strawberry.field(description="What decides the tier.")
    reach: PlanReach = strawberry.field(description="What is counted together.")
    rate: PlanTierRate = strawberry.field(description="What the reached tier means.")
    steps: list[PlanTierStep] = strawberry.field(description="In order: 2 to 20.")

    @classmethod
    def of(cls, value: terms.Tiers) -> PlanTiers:
        """From the domain."""
        return cls(
            basis=PlanTierBasis(value.basis.value),
            reach=PlanReach(value.reach.value),
            rate=PlanTierRate(value.rate.value),
            steps=[PlanTierStep.of(item) for item in value.steps],
        )


@strawberry.type(description="The rate of one level of sub-affiliates.")
class PlanLevel:
    amount: Decimal | None = strawberry.field(
        description="For each qualified player of the child; in plan currency."
    )
    percent: Decimal | None = strawberry.field(description="Of what the basis says, such as 5.")

    @classmethod
    def of(cls, value: terms.Level) -> PlanLevel:
        """From the domain."""
        return cls(
            amount=value.amount,
            percent=value.percent,
        )


@strawberry.type(
    description="One thing that is paid; a plan with several pays each of them. Its kind decides which fields it has."
)
class PlanReward:
    key: str = strawberry.field(
        description="Its name for programmes, the same across versions, such as revenue_share."
    )
    kind: PlanRewardKind = strawberry.field(description="What is paid for.")
    amount: Decimal | None = strawberry.field(
        description="What is paid, in plan currency, where its kind pays an amount without tiers."
    )
    percent: Decimal | None = strawberry.field(
        description="What is paid, such as 30, where its kind pays a percent without tiers."
    )
    product: PlanProduct | None = strawberry.field(
        description="For percents of NGR and of bets: of which product."
    )
    mode: PlanMode | None = strawberry.field(
        description="For percents of a period's activity: of what they are taken."
    )
    offset_products: bool | None = strawberry.field(
        description="With COMBINED: whether losses of one product reduce the others."
    )
    tiers: PlanTiers | None = strawberry.field(description="Instead of an amount or a percent.")
    basis: PlanSubaffiliateBasis | None = strawberry.field(
        description="For SUBAFFILIATE: what a parent is paid for."
    )
    with_cpa: bool | None = strawberry.field(
        description="With CHILD_COMMISSIONS: whether the child's fixed rewards per player count."
    )
    levels: list[PlanLevel] = strawberry.field(
        description="For SUBAFFILIATE: a rate per level, the first of those whom the partner brought."
    )

    @classmethod
    def of(cls, value: terms.Reward) -> PlanReward:
        """From the domain."""
        return cls(
            key=value.key,
            kind=PlanRewardKind(value.kind.value),
            amount=value.amount,
            percent=value.percent,
            product=PlanProduct(value.product.value) if value.product else None,
            mode=PlanMode(value.mode.value) if value.mode else None,
            offset_products=value.offset_products,
            tiers=PlanTiers.of(value.tiers) if value.tiers else None,
            basis=PlanSubaffiliateBasis(value.basis.value) if value.basis else None,
            with_cpa=value.with_cpa,
            levels=[PlanLevel.of(item) for item in value.levels],
        )


@strawberry.type(description="The time in which a player has to qualify.")
class PlanWithin:
    days: int = strawberry.field(
        description="How many business days after the first one, which counts too."
    )
    since: PlanSince = strawberry.field(description="Which day is the first one.")

    @classmethod
    def of(cls, value: terms.Within) -> PlanWithin:
        """From the domain."""
        return cls(
            days=value.days,
            since=PlanSince(value.since.value),
        )


@strawberry.type(
    description="When a player is qualified: when it meets everything that is stated (M12)."
)
class PlanQualification:
    refuse_flagged: bool = strawberry.field(
        description="Whether a player flagged as fraud or duplicate never qualifies."
    )
    countries_in: list[CountryCode] = strawberry.field(
        description="Only players from these; empty: from all."
    )
    countries_out: list[CountryCode] = strawberry.field(description="No players from these.")
    minimum_first_deposit: Decimal | None = strawberry.field(
        description="Of the first deposit alone; in plan currency."
    )
    minimum_deposit_sum: Decimal | None = strawberry.field(
        description="Of all deposits together; in plan currency."
    )
    minimum_deposit_count: int | None = strawberry.field(description="How many deposits at least.")
    minimum_wager: Decimal | None = strawberry.field(
        description="Of bets on all products; in plan currency."
    )
    minimum_ngr: Decimal | None = strawberry.field(description="Of combined NGR; in plan currency.")
    within: PlanWithin | None = strawberry.field(
        description="In which time; none: whenever it happens."
    )

    @classmethod
    def of(cls, value: terms.Qualification) -> PlanQualification:
        """From the domain."""
        return cls(
            refuse_flagged=value.refuse_flagged,
            countries_in=[CountryCode(item) for item in value.countries_in],
            countries_out=[CountryCode(item) for item in value.countries_out],
            minimum_first_deposit=value.minimum_first_deposit,
            minimum_deposit_sum=value.minimum_deposit_sum,
            minimum_deposit_count=value.minimum_deposit_count,
            minimum_wager=value.minimum_wager,
            minimum_ngr=value.minimum_ngr,
            within=PlanWithin.of(value.within) if value.within else None,
        )


@strawberry.type(description="What becomes of a negative result (M15).")
class PlanCarryover:
    policy: PlanCarryoverPolicy = strawberry.field(description="Whether it is reset or carried.")
    reach: PlanCarryoverReach = strawberry.field(description="Of which sum it is the result.")

    @classmethod
    def of(cls, value: terms.Carryover) -> PlanCarryover:
        """From the domain."""
        return cls(
            policy=PlanCarryoverPolicy(value.policy.value),
            reach=PlanCarryoverReach(value.reach.value),
        )


@strawberry.type(
    description="Players who win very much: the loss is held against them alone (M16)."
)
class PlanHighRoller:
    player_loss: Decimal = strawberry.field(
        description="X: the player's result is at or below minus this; in plan currency."
    )
    aggregate_loss: Decimal = strawberry.field(
        description="Y: the partner's sum is at or below minus this; in plan currency."
    )
    months: int = strawberry.field(description="For how many months.")

    @classmethod
    def of(cls, value: terms.HighRoller) -> PlanHighRoller:
        """From the domain."""
        return cls(
            player_loss=value.player_loss,
            aggregate_loss=value.aggregate_loss,
            months=value.months,
        )


@strawberry.type(description="A limit; what is above it is rejected and not carried (M17).")
class PlanCap:
    kind: PlanCapKind = strawberry.field(description="What is limited.")
    window: PlanCapWindow = strawberry.field(description="Over what time.")
    reach: PlanReach = strawberry.field(description="What is counted together.")
    players: int | None = strawberry.field(description="With QUALIFIED_PLAYERS: how many.")
    amount: Decimal | None = strawberry.field(
        description="With COMMISSION: how much, in plan currency."
    )

    @classmethod
    def of(cls, value: terms.Cap) -> PlanCap:
        """From the domain."""
        return cls(
            kind=PlanCapKind(value.kind.value),
            window=PlanCapWindow(value.window.value),
            reach=PlanReach(value.reach.value),
            players=value.players,
            amount=value.amount,
        )


@strawberry.type(
    description="The whole deal of a version. Amounts are in its currency, days are business days of the brand."
)
class PlanTerms:
    currency: CurrencyCode = strawberry.field(description="Of every amount, such as EUR.")
    schedule: PlanSchedule = strawberry.field(description="When billing periods begin.")
    hold_days: int = strawberry.field(
        description="How many days event-based commissions wait, 0 to 365."
    )
    minimum_bill: Decimal = strawberry.field(
        description="Below it no bill is made yet; in plan currency."
    )
    coins: PlanCoins = strawberry.field(description="What becomes of facts in a coin.")
    rewards: list[PlanReward] = strawberry.field(description="What is paid: 1 to 20.")
    qualification: PlanQualification | None = strawberry.field(
        description="When a player is qualified; none: nothing depends on it."
    )
    carryover: PlanCarryover | None = strawberry.field(
        description="There when a reward can be negative, and only then."
    )
    high_roller: PlanHighRoller | None = strawberry.field(
        description="None: no player is ring-fenced."
    )
    caps: list[PlanCap] = strawberry.field(
        description="What limits the commission; empty: nothing does."
    )

    @classmethod
    def of(cls, value: terms.Terms) -> PlanTerms:
        """From the domain."""
        return cls(
            currency=CurrencyCode(value.currency),
            schedule=PlanSchedule.of(value.schedule),
            hold_days=value.hold_days,
            minimum_bill=value.minimum_bill,
            coins=PlanCoins(value.coins.value),
            rewards=[PlanReward.of(item) for item in value.rewards],
            qualification=PlanQualification.of(value.qualification)
            if value.qualification
            else None,
            carryover=PlanCarryover.of(value.carryover) if value.carryover else None,
            high_roller=PlanHighRoller.of(value.high_roller) if value.high_roller else None,
            caps=[PlanCap.of(item) for item in value.caps],
        )
