"""Terms in plain English: one sentence for each thing that matters, in the order in which a partner asks (A09)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from app.domain.plans.terms import (
    Cap,
    CapKind,
    CapWindow,
    CarryoverPolicy,
    CarryoverReach,
    Coins,
    Every,
    Mode,
    Product,
    Qualification,
    Reach,
    Reward,
    RewardKind,
    Schedule,
    Since,
    SubaffiliateBasis,
    Terms,
    TierBasis,
    TierRate,
    Tiers,
)
from app.infra.money import decimal_text

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_REACHES = {
    Reach.CAMPAIGN: "for each campaign by itself",
    Reach.PLAN: "over all your campaigns on this plan",
    Reach.PARTNER_BRAND: "over all your campaigns with this brand",
}
_BASES = {
    TierBasis.QUALIFIED_PLAYERS: "qualified players",
    TierBasis.NGR: "NGR",
    TierBasis.DEPOSITS: "deposits",
    TierBasis.SALES_COUNT: "sales",
    TierBasis.SALES_AMOUNT: "sales by amount",
}
_PRODUCTS = {
    Product.CASINO: "casino",
    Product.SPORTSBOOK: "sportsbook",
    Product.POKER: "poker",
    Product.COMBINED: "combined",
}
_FIXED = {
    RewardKind.FIXED_PER_PLAYER: "for each qualified player",
    RewardKind.FIXED_PER_REGISTRATION: "for each registration",
    RewardKind.FIXED_PER_LEAD: "for each accepted lead",
    RewardKind.FIXED_PER_SALE: "for each accepted sale",
}
_PERCENT = {
    RewardKind.PERCENT_OF_SALE: "of each accepted sale",
    RewardKind.PERCENT_OF_NGR: "of {product} NGR",
    RewardKind.PERCENT_OF_DEPOSITS: "of deposits",
    RewardKind.PERCENT_OF_EFFECTIVE_DEPOSITS: (
        "of effective deposits (deposits less cash-outs and chargebacks, not below zero)"
    ),
    RewardKind.PERCENT_OF_WAGER: "of {product} bets",
    RewardKind.PERCENT_OF_RAKE: "of poker rake",
}


def summary(terms: Terms) -> list[str]:
    """The terms as English sentences. Amounts carry their currency; days are the brand's business days."""
    return list(_sentences(terms))


def _sentences(terms: Terms) -> Iterator[str]:
    for reward in terms.rewards:
        yield from _reward(reward, terms.currency)
    if terms.qualification is not None:
        yield _qualification(terms.qualification, terms.currency)
    for cap in terms.caps:
        yield _cap(cap, terms.currency)
    if terms.carryover is not None:
        yield _carryover(terms.carryover.policy, terms.carryover.reach)
    if terms.high_roller is not None:
        rule = terms.high_roller
        yield (
            f"A player who wins {_money(rule.player_loss, terms.currency)} or more in a period in which your sum is "
            f"{_money(rule.aggregate_loss, terms.currency)} or more below zero is ring-fenced: the loss is held "
            f"against that player's later results alone, for {_count(rule.months, 'month')}."
        )
    yield _schedule(terms.schedule)
    if terms.hold_days:
        yield (
            "Rewards for players, registrations, leads and sales wait "
            f"{_count(terms.hold_days, 'day')} before they are accepted."
        )
    if terms.minimum_bill:
        yield (
            f"A bill is made from {_money(terms.minimum_bill, terms.currency)}; less waits for the next period."
        )
    if terms.coins is Coins.KEEP:
        yield f"Amounts are in {terms.currency}; what players do in a coin is paid in that coin."
    else:
        yield f"Amounts are in {terms.currency}; everything else is converted at the rate of its day."


def _money(amount: Decimal, currency: str) -> str:
    return f"{amount:,f} {currency}"


def _percent(percent: Decimal) -> str:
    return f"{decimal_text(percent)}%"


def _count(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number:,} {what}s"


def _reward(reward: Reward, currency: str) -> Iterator[str]:
    if reward.kind is RewardKind.MANUAL:
        yield "Single commissions can be entered by hand."
    elif reward.kind is RewardKind.SUBAFFILIATE:
        yield _subaffiliate(reward, currency)
    elif reward.kind is RewardKind.FLAT_FEE:
        amount = _money(reward.amount or Decimal(0), currency)
        yield f"You earn {amount} for each period, however many campaigns you have."
    else:
        yield _rated(reward, currency)
        if reward.tiers is not None:
            yield _tiers(reward.tiers, currency)


def _rated(reward: Reward, currency: str) -> str:
    if reward.kind in _FIXED:
        rate = "an amount" if reward.amount is None else _money(reward.amount, currency)
        what = _FIXED[reward.kind]
    else:
        rate = "a share" if reward.percent is None else _percent(reward.percent)
        product = _PRODUCTS[reward.product] if reward.product else ""
        what = _PERCENT[reward.kind].format(product=product)
    by = " that depends on what you reach" if reward.tiers is not None else ""
    return f"You earn {rate} {what}{by}{_details(reward)}."


def _details(reward: Reward) -> str:
    parts = []
    if reward.mode is Mode.AGGREGATE:
        parts.append("taken of the sum of all players")
    elif reward.mode is Mode.PER_PLAYER:
        parts.append("taken of each player by itself, a negative result counting as zero")
    if reward.offset_products is True:
        parts.append("with losses of one product set against the others")
    elif reward.offset_products is False:
        parts.append("with a product's loss counting as zero")
    return "".join(f", {part}" for part in parts)


def _tiers(tiers: Tiers, currency: str) -> str:
    money = tiers.basis in (TierBasis.NGR, TierBasis.DEPOSITS, TierBasis.SALES_AMOUNT)
    steps = []
    for step in tiers.steps:
        rate = _money(step.amount, currency) if step.amount is not None else ""
        rate = _percent(step.percent) if step.percent is not None else rate
        start = _money(step.start, currency) if money else decimal_text(step.start)
        steps.append(f"{rate} from {start}")
    how = (
        "each band is paid at its own rate"
        if tiers.rate is TierRate.MARGINAL
        else "everything in the period is paid at the rate that was reached"
    )
    return (
        f"By {_BASES[tiers.basis]} in the period, {_REACHES[tiers.reach]}: {'; '.join(steps)}. "
        f"A tier includes its start, and {how}."
    )


def _subaffiliate(reward: Reward, currency: str) -> str:
    rates = [
        _money(level.amount, currency)
        if level.amount is not None
        else _percent(level.percent or Decimal(0))
        for level in reward.levels
    ]
    of = "for each qualified player of your sub-affiliates"
    if reward.basis is SubaffiliateBasis.CHILD_NGR:
        of = "of the combined NGR of your sub-affiliates' players"
    elif reward.basis is SubaffiliateBasis.CHILD_COMMISSIONS:
        cpa = "with" if reward.with_cpa else "without"
        of = f"of what your sub-affiliates earn, {cpa} their fixed rewards per player"
    if len(rates) == 1:
        return f"You earn {rates[0]} {of}."
    levels = "; ".join(f"{rate} on level {place}" for place, rate in enumerate(rates, 1))
    return f"You earn {of}, by level: {levels}. Level 1 are those whom you brought."


def _qualification(rules: Qualification, currency: str) -> str:
    parts = []
    if rules.countries_in:
        parts.append(f"comes from {_listed(rules.countries_in, 'or')}")
    if rules.countries_out:
        parts.append(f"does not come from {_listed(rules.countries_out, 'or')}")
    if rules.minimum_first_deposit is not None:
        parts.append(f"first deposits at least {_money(rules.minimum_first_deposit, currency)}")
    if rules.minimum_deposit_sum is not None:
        parts.append(f"deposits at least {_money(rules.minimum_deposit_sum, currency)} in all")
    if rules.minimum_deposit_count is not None:
        parts.append(f"deposits at least {_times(rules.minimum_deposit_count)}")
    if rules.minimum_wager is not None:
        parts.append(f"bets at least {_money(rules.minimum_wager, currency)}")
    if rules.minimum_ngr is not None:
        parts.append(f"brings an NGR of at least {_money(rules.minimum_ngr, currency)}")
    if rules.refuse_flagged:
        parts.append("is not flagged as fraud or duplicate")
    what = _listed(parts, "and") if parts else "has registered"
    if rules.within is None:
        return f"A player qualifies when it {what}."
    since = "registration" if rules.within.since is Since.REGISTRATION else "the first deposit"
    days = _count(rules.within.days, "day")
    return f"A player qualifies when it {what}, counting the day of {since} and {days} after it."


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number:,} times"


def _listed(items: list[str] | tuple[str, ...], word: str) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {word} {items[-1]}"


def _cap(cap: Cap, currency: str) -> str:
    over = "in a period" if cap.window is CapWindow.PERIOD else "in all"
    if cap.kind is CapKind.QUALIFIED_PLAYERS:
        what = f"{_count(cap.players or 0, 'qualified player')} are paid {over}"
    else:
        what = f"{_money(cap.amount or Decimal(0), currency)} are paid {over}"
    return f"At most {what}, counted {_REACHES[cap.reach]}; what is above is not paid later."


def _carryover(policy: CarryoverPolicy, reach: CarryoverReach) -> str:
    of = {
        CarryoverReach.REWARD: "of a reward",
        CarryoverReach.PLAN: "of all rewards of this plan together",
        CarryoverReach.PARTNER_BRAND: "of everything with this brand together",
    }[reach]
    becomes = (
        "reduces the next period"
        if policy is CarryoverPolicy.CARRYOVER
        else "is reset to zero, and the next period begins anew"
    )
    return f"A negative result {of} {becomes}."


def _schedule(schedule: Schedule) -> str:
    if schedule.every is Every.DAY:
        return "Every day is a billing period."
    if schedule.every is Every.WEEK:
        return (
            f"A billing period is a week that begins on {_WEEKDAYS[(schedule.weekday or 1) - 1]}."
        )
    if schedule.day == 1:
        return "A billing period is a calendar month."
    shorter = " (on the last day where a month is shorter)" if (schedule.day or 1) > 28 else ""
    return f"A billing period is a month that begins on day {schedule.day}{shorter}."
