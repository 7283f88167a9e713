"""The words of commission plans in GraphQL (M10 to M1C)."""

from __future__ import annotations

from enum import Enum

import strawberry


@strawberry.enum(description="Where a version stands in its plan's history.")
class PlanVersionState(Enum):
    DRAFT = strawberry.enum_value("draft", description="Not published: for operators only.")
    ANNOUNCED = strawberry.enum_value("announced", description="Published, and still to come.")
    IN_FORCE = strawberry.enum_value("in_force", description="The present one.")
    PAST = strawberry.enum_value("past", description="Another one has followed.")


@strawberry.enum(description="How often a billing period begins.")
class PlanEvery(Enum):
    DAY = strawberry.enum_value("day", description="Each business day of the brand.")
    WEEK = strawberry.enum_value("week", description="On a weekday.")
    MONTH = strawberry.enum_value("month", description="On a day of the month.")


@strawberry.enum(description="What is paid for (M11).")
class PlanRewardKind(Enum):
    FIXED_PER_PLAYER = strawberry.enum_value(
        "fixed_per_player", description="An amount for each qualified player, once (CPA)."
    )
    FIXED_PER_REGISTRATION = strawberry.enum_value(
        "fixed_per_registration", description="An amount for each registration."
    )
    FIXED_PER_LEAD = strawberry.enum_value(
        "fixed_per_lead", description="An amount for each accepted lead (CPL)."
    )
    FIXED_PER_SALE = strawberry.enum_value(
        "fixed_per_sale", description="An amount for each accepted sale."
    )
    PERCENT_OF_SALE = strawberry.enum_value(
        "percent_of_sale", description="A percent of each accepted sale."
    )
    PERCENT_OF_NGR = strawberry.enum_value(
        "percent_of_ngr", description="A percent of the period's NGR of a product."
    )
    PERCENT_OF_DEPOSITS = strawberry.enum_value(
        "percent_of_deposits", description="A percent of the period's deposits."
    )
    PERCENT_OF_EFFECTIVE_DEPOSITS = strawberry.enum_value(
        "percent_of_effective_deposits",
        description="A percent of deposits less cash-outs and chargebacks, not below zero.",
    )
    PERCENT_OF_WAGER = strawberry.enum_value(
        "percent_of_wager", description="A percent of the period's bets of a product."
    )
    PERCENT_OF_RAKE = strawberry.enum_value(
        "percent_of_rake", description="A percent of the period's poker rake."
    )
    FLAT_FEE = strawberry.enum_value(
        "flat_fee", description="An amount for each period and partner."
    )
    SUBAFFILIATE = strawberry.enum_value(
        "subaffiliate", description="For what the partner's own sub-affiliates bring (M1C)."
    )
    MANUAL = strawberry.enum_value(
        "manual", description="What advertisers and operators enter by hand (M1A)."
    )


@strawberry.enum(description="Of which product the activity counts.")
class PlanProduct(Enum):
    CASINO = strawberry.enum_value("casino", description="Casino.")
    SPORTSBOOK = strawberry.enum_value("sportsbook", description="Settled bets on sports.")
    POKER = strawberry.enum_value("poker", description="Poker.")
    COMBINED = strawberry.enum_value("combined", description="All together; for NGR only.")


@strawberry.enum(description="Of what a percent is taken.")
class PlanMode(Enum):
    AGGREGATE = strawberry.enum_value(
        "aggregate", description="Of the sum: losses of some players reduce the others."
    )
    PER_PLAYER = strawberry.enum_value(
        "per_player", description="Of each player by itself, a negative result counting as zero."
    )


@strawberry.enum(description="What is counted together.")
class PlanReach(Enum):
    CAMPAIGN = strawberry.enum_value("campaign", description="Each campaign by itself.")
    PLAN = strawberry.enum_value("plan", description="The partner's campaigns on this plan.")
    PARTNER_BRAND = strawberry.enum_value(
        "partner_brand",
        description="The partner's campaigns with this brand, whatever their plans.",
    )


@strawberry.enum(description="What decides the tier; it begins at zero in every period (M13).")
class PlanTierBasis(Enum):
    QUALIFIED_PLAYERS = strawberry.enum_value(
        "qualified_players", description="How many players qualified."
    )
    NGR = strawberry.enum_value(
        "ngr", description="NGR of the reward's product; combined for rewards without one."
    )
    DEPOSITS = strawberry.enum_value("deposits", description="The sum of deposits.")
    SALES_COUNT = strawberry.enum_value("sales_count", description="How many sales.")
    SALES_AMOUNT = strawberry.enum_value("sales_amount", description="The sum of sales.")


@strawberry.enum(description="What the reached tier means.")
class PlanTierRate(Enum):
    MARGINAL = strawberry.enum_value("marginal", description="Each band is paid at its own rate.")
    WHOLE = strawberry.enum_value(
        "whole", description="All of the period is paid at the rate that was reached."
    )


@strawberry.enum(description="What a parent is paid for (M1C).")
class PlanSubaffiliateBasis(Enum):
    CHILD_QUALIFIED_PLAYER = strawberry.enum_value(
        "child_qualified_player", description="An amount for each qualified player of the child."
    )
    CHILD_COMMISSIONS = strawberry.enum_value(
        "child_commissions", description="A percent of what the child earns."
    )
    CHILD_NGR = strawberry.enum_value(
        "child_ngr", description="A percent of the combined NGR of the child's players."
    )


@strawberry.enum(description="From when a player's time to qualify runs.")
class PlanSince(Enum):
    REGISTRATION = strawberry.enum_value("registration", description="From the registration.")
    FIRST_DEPOSIT = strawberry.enum_value("first_deposit", description="From the first deposit.")


@strawberry.enum(description="What becomes of a period's negative result (M15).")
class PlanCarryoverPolicy(Enum):
    NO_CARRYOVER = strawberry.enum_value("no_carryover", description="It is reset to zero.")
    CARRYOVER = strawberry.enum_value("carryover", description="It reduces the next period.")


@strawberry.enum(description="What is summed before a negative result is reset or carried.")
class PlanCarryoverReach(Enum):
    REWARD = strawberry.enum_value("reward", description="Each reward by itself.")
    PLAN = strawberry.enum_value("plan", description="All rewards of the plan.")
    PARTNER_BRAND = strawberry.enum_value(
        "partner_brand", description="Everything of the partner with the brand."
    )


@strawberry.enum(description="What a cap limits (M17).")
class PlanCapKind(Enum):
    QUALIFIED_PLAYERS = strawberry.enum_value(
        "qualified_players", description="How many qualified players are paid."
    )
    COMMISSION = strawberry.enum_value("commission", description="How much is paid.")


@strawberry.enum(description="Over what time a cap counts.")
class PlanCapWindow(Enum):
    PERIOD = strawberry.enum_value("period", description="Each billing period anew.")
    TOTAL = strawberry.enum_value("total", description="For ever; of qualified players only.")


@strawberry.enum(description="What becomes of facts in a coin (M10).")
class PlanCoins(Enum):
    KEEP = strawberry.enum_value("keep", description="They are paid in their coin.")
    CONVERT = strawberry.enum_value("convert", description="They become the plan's currency.")
