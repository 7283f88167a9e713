"""What belongs together in a plan's terms: the keys of each kind of reward, tiers, and what needs what (M10 to M17)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from app.domain.plans.rules import WrongValue, check_decimals
from app.domain.plans.terms import (
    COUNTED,
    Cap,
    CapKind,
    CapWindow,
    Every,
    Mode,
    Product,
    Qualification,
    Reward,
    RewardKind,
    SubaffiliateBasis,
    Terms,
    TierBasis,
    TierRate,
    Tiers,
)

Mistake = tuple[tuple[str, ...], str]

_SINGLE = frozenset({Product.CASINO, Product.SPORTSBOOK, Product.POKER})


@dataclass(frozen=True, slots=True)
class _Form:
    """The keys of a kind of reward: its rate, its products, and what else it may have."""

    # amount, percent, or none.
    rate: str | None = None
    products: frozenset[Product] = frozenset()
    mode: bool = False
    tiers: bool = True
    # What a marginal tier of it is measured in; None: only whole tiers.
    measured_in: TierBasis | None = None


_FORMS = {
    RewardKind.FIXED_PER_PLAYER: _Form("amount", measured_in=TierBasis.QUALIFIED_PLAYERS),
    RewardKind.FIXED_PER_REGISTRATION: _Form("amount"),
    RewardKind.FIXED_PER_LEAD: _Form("amount"),
    RewardKind.FIXED_PER_SALE: _Form("amount", measured_in=TierBasis.SALES_COUNT),
    RewardKind.PERCENT_OF_SALE: _Form("percent", measured_in=TierBasis.SALES_AMOUNT),
    RewardKind.PERCENT_OF_NGR: _Form(
        "percent", frozenset(Product), mode=True, measured_in=TierBasis.NGR
    ),
    RewardKind.PERCENT_OF_DEPOSITS: _Form("percent", mode=True, measured_in=TierBasis.DEPOSITS),
    RewardKind.PERCENT_OF_EFFECTIVE_DEPOSITS: _Form("percent", mode=True),
    RewardKind.PERCENT_OF_WAGER: _Form("percent", _SINGLE, mode=True),
    RewardKind.PERCENT_OF_RAKE: _Form("percent", mode=True),
    RewardKind.FLAT_FEE: _Form("amount", tiers=False),
    RewardKind.SUBAFFILIATE: _Form(tiers=False),
    RewardKind.MANUAL: _Form(tiers=False),
}


def check_terms(terms: Terms) -> Iterator[Mistake]:
    """Every contradiction in terms whose single values are right."""
    yield from _schedule(terms)
    seen: set[str] = set()
    for place, reward in enumerate(terms.rewards):
        path = ("rewards", str(place))
        if reward.key in seen:
            yield (*path, "key"), f'"{reward.key}" is the key of another reward: choose another'
        seen.add(reward.key)
        yield from _reward(reward, path, terms.currency)
    if terms.qualification is not None:
        yield from _qualification(terms.qualification)
    yield from _needs(terms)
    for place, cap in enumerate(terms.caps):
        yield from _cap(cap, ("caps", str(place)), terms.caps[:place])


def _schedule(terms: Terms) -> Iterator[Mistake]:
    every = terms.schedule.every
    for name, goes_with in (("weekday", Every.WEEK), ("day", Every.MONTH)):
        value = getattr(terms.schedule, name)
        if every is goes_with and value is None:
            yield ("schedule", name), f"every {every.value} needs it: send it"
        if every is not goes_with and value is not None:
            yield (
                ("schedule", name),
                f"it goes with every {goes_with.value}, not every {every.value}: leave it out",
            )


def _reward(reward: Reward, path: tuple[str, ...], currency: str) -> Iterator[Mistake]:
    form = _FORMS[reward.kind]
    needed = {"mode"} if form.mode else set()
    needed |= {"product"} if form.products else set()
    if form.rate is not None and reward.tiers is None:
        needed.add(form.rate)
    if reward.product is Product.COMBINED:
        needed.add("offset_products")
    if reward.kind is RewardKind.SUBAFFILIATE:
        needed |= {"basis", "levels"}
        if reward.basis is SubaffiliateBasis.CHILD_COMMISSIONS:
            needed.add("with_cpa")
    allowed = needed | ({"tiers"} if form.tiers else set())
    for name in _OPTIONAL:
        given = getattr(reward, name) not in (None, ())
        if given and name not in allowed:
            yield (*path, name), _why_not(reward, form, name)
        if not given and name in needed:
            instead = ", or tiers instead" if name == form.rate and form.tiers else ""
            yield (*path, name), f"{reward.kind.value} needs it: send it{instead}"
    if form.products and reward.product is not None and reward.product not in form.products:
        choices = ", ".join(sorted(product.value for product in form.products))
        yield (
            (*path, "product"),
            f"{reward.kind.value} is not paid of {reward.product.value}: send one of {choices}",
        )
    if reward.tiers is not None and form.tiers and form.rate is not None:
        yield from _tiers(reward, reward.tiers, form, (*path, "tiers"), currency)
    if reward.kind is RewardKind.SUBAFFILIATE:
        yield from _levels(reward, path)


_OPTIONAL = (
    *("amount", "percent", "product", "mode", "offset_products", "tiers", "basis", "with_cpa"),
    "levels",
)


def _why_not(reward: Reward, form: _Form, name: str) -> str:
    if name == form.rate:
        return "the tiers hold the rates: leave it out"
    if name == "offset_products":
        return "it goes with the product combined: leave it out"
    return f"{reward.kind.value} has no {name}: leave it out"


def _tiers(
    reward: Reward, tiers: Tiers, form: _Form, path: tuple[str, ...], currency: str
) -> Iterator[Mistake]:
    if tiers.rate is TierRate.MARGINAL:
        if tiers.basis is not form.measured_in:
            fitting = f", or the basis {form.measured_in.value}" if form.measured_in else ""
            yield (
                (*path, "rate"),
                f"bands of {tiers.basis.value} do not divide {reward.kind.value}: send whole{fitting}",
            )
        elif reward.mode is Mode.PER_PLAYER:
            yield (*path, "rate"), "bands need the mode aggregate: send whole, or that mode"
    before: Decimal | None = None
    for place, step in enumerate(tiers.steps):
        at = (*path, "steps", str(place))
        if place == 0 and step.start:
            yield (*at, "start"), f"the first tier starts at {step.start:f}: send 0"
        if before is not None and step.start <= before:
            yield (
                (*at, "start"),
                f"{step.start:f} is not above {before:f}, the start before it: put the tiers in order",
            )
        before = step.start
        yield from _start(step.start, tiers.basis, (*at, "start"), currency)
        other = "percent" if form.rate == "amount" else "amount"
        if getattr(step, str(form.rate)) is None:
            yield (*at, str(form.rate)), f"{reward.kind.value} needs it in every tier: send it"
        if getattr(step, other) is not None:
            yield (*at, other), f"{reward.kind.value} has no {other}: leave it out"


def _start(
    start: Decimal, basis: TierBasis, path: tuple[str, ...], currency: str
) -> Iterator[Mistake]:
    if basis in COUNTED:
        if start != start.to_integral_value():
            yield path, f"{start:f} is no whole number of {basis.value}: round it"
        return
    try:
        check_decimals(start, currency)
    except WrongValue as mistake:
        yield path, str(mistake)


def _levels(reward: Reward, path: tuple[str, ...]) -> Iterator[Mistake]:
    fixed = reward.basis is SubaffiliateBasis.CHILD_QUALIFIED_PLAYER
    needed, other = ("amount", "percent") if fixed else ("percent", "amount")
    basis = reward.basis.value if reward.basis else "its basis"
    for place, level in enumerate(reward.levels):
        at = (*path, "levels", str(place))
        if getattr(level, needed) is None:
            yield (*at, needed), f"{basis} needs it in every level: send it"
        if getattr(level, other) is not None:
            yield (*at, other), f"{basis} has no {other}: leave it out"


def _qualification(qualification: Qualification) -> Iterator[Mistake]:
    path = ("qualification",)
    for name in ("countries_in", "countries_out"):
        countries = getattr(qualification, name)
        if len(set(countries)) != len(countries):
            yield (*path, name), "a country is there twice: send each once"
    both = sorted(set(qualification.countries_in) & set(qualification.countries_out))
    if both:
        yield (
            (*path, "countries_out"),
            f"{', '.join(both)} is in countries_in as well: leave it out of one of them",
        )


def _needs(terms: Terms) -> Iterator[Mistake]:
    """What some parts of the terms need of others."""
    counting = [reason for reason in _counts_players(terms) if terms.qualification is None]
    if counting:
        yield ("qualification",), f"{counting[0]} needs to know who is qualified: send it"
    can_be_negative = any(_can_be_negative(reward) for reward in terms.rewards)
    if can_be_negative and terms.carryover is None:
        yield ("carryover",), "a reward can be negative: send what becomes of that"
    if not can_be_negative and terms.carryover is not None:
        yield ("carryover",), "no reward can be negative: leave it out"
    ring_fenced = any(
        reward.kind is RewardKind.PERCENT_OF_NGR and reward.mode is Mode.AGGREGATE
        for reward in terms.rewards
    )
    if terms.high_roller is not None and not ring_fenced:
        yield (
            ("high_roller",),
            "it needs a reward percent_of_ngr in the mode aggregate: leave it out",
        )


def _counts_players(terms: Terms) -> Iterator[str]:
    for reward in terms.rewards:
        if reward.kind is RewardKind.FIXED_PER_PLAYER:
            yield reward.kind.value
        if reward.tiers is not None and reward.tiers.basis is TierBasis.QUALIFIED_PLAYERS:
            yield "a tier by qualified players"
    for cap in terms.caps:
        if cap.kind is CapKind.QUALIFIED_PLAYERS:
            yield "a cap of qualified players"


def _can_be_negative(reward: Reward) -> bool:
    if reward.kind is RewardKind.SUBAFFILIATE:
        return reward.basis is SubaffiliateBasis.CHILD_NGR
    return reward.kind is RewardKind.PERCENT_OF_NGR and reward.mode is Mode.AGGREGATE


def _cap(cap: Cap, path: tuple[str, ...], before: tuple[Cap, ...]) -> Iterator[Mistake]:
    counted = cap.kind is CapKind.QUALIFIED_PLAYERS
    needed, other = ("players", "amount") if counted else ("amount", "players")
    if getattr(cap, needed) is None:
        yield (*path, needed), f"a cap of {cap.kind.value} needs it: send it"
    if getattr(cap, other) is not None:
        yield (*path, other), f"a cap of {cap.kind.value} has no {other}: leave it out"
    if not counted and cap.window is CapWindow.TOTAL:
        yield (*path, "window"), "commission is capped by period: send period"
    if any((cap.kind, cap.window, cap.reach) == (o.kind, o.window, o.reach) for o in before):
        yield (
            path,
            "another cap limits the same over the same time: keep one of them",
        )
