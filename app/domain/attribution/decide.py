"""Deciding where a player or conversion comes from.

Precedence: the visit that the brand's stag names, then a coupon bound to a promo; a brand may put the coupon first
(M02), and may let a later eligible visit of the same visitor win over the stag (`server_last_click`, M01). What lost
is kept with what won.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from app.domain.attribution import queries
from app.domain.intake import CLOCK_SKEW, Stag
from app.infra.database import Transaction
from app.infra.visit_ids import visit_time
from app.models import Brand

# How long a click journal may keep a visit from the database before it is given up.
HELD_FOR = timedelta(hours=48)
# The refusal that is none: the item waits.
HELD = "held"


class Rule(StrEnum):
    """What decided, or could have."""

    STAG = "stag"
    COUPON = "coupon"
    LAST_CLICK = "last_click"
    # Another click of the same visitor: never decides.
    CLICK = "click"
    # The partner's and the program's code of network links, without a visit of ours (W4).
    NETWORK = "network"
    # An operator moved the player (M03).
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A promo that something could have been attributed to."""

    rule: Rule
    promo_id: int
    visit_id: int | None


@dataclass(frozen=True, slots=True)
class Attribution:
    """Where something comes from, and the dimensions that its facts carry."""

    visit_id: int | None
    promo_id: int
    campaign_id: int
    plan_id: int
    partner_id: int
    country: str
    attributable_until: datetime | None = None
    # False: a state of partner, affiliation, brand or campaign stops new players (M1D).
    open: bool = True
    rule: Rule = Rule.STAG
    losing: tuple[Candidate, ...] = ()

    @property
    def candidate(self) -> Candidate:
        """As one of several."""
        return Candidate(self.rule, self.promo_id, self.visit_id)

    @property
    def stag(self) -> str:
        """The tag of what decided; where that was no visit, its number is 0."""
        return f"{self.promo_id}_{self.visit_id or 0}"

    @property
    def losing_candidates(self) -> list[dict[str, Any]]:
        """As it is stored."""
        return [
            {"rule": each.rule.value, "promo_id": each.promo_id, "visit_id": each.visit_id}
            for each in self.losing
        ]


@dataclass(frozen=True, slots=True)
class Claim:
    """What a brand says of where something comes from, and when that happened."""

    tag: Stag | None
    coupon: str | None
    at: datetime
    # The partner's code of a network link; the program is the brand.
    partner_code: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a claim is attributed to nobody; `error` is a code, `message` says what to do."""

    error: str
    message: str


async def attribute(
    tx: Transaction,
    brand: Brand,
    claims: Sequence[Claim],
    *,
    needs_open: bool,
    now: datetime | None = None,
) -> list[Attribution | Refusal]:
    """Decide about claims of one brand, in their order.

    With `needs_open` nothing is attributed to what a state of the table M1D stops; that is for new players. With
    `now` a tag whose visit a click journal may still have is `held`; without, every visit that is not there is
    unknown.
    """
    visits = await find_visits(tx, brand.id, [claim.tag for claim in claims if claim.tag])
    awaited = await find_awaited(tx, brand, claims, visits, now) if now else frozenset[int]()
    coupons = await _find_coupons(tx, brand.id, [each.coupon for each in claims if each.coupon])
    networks = await _find_networks(
        tx, brand.id, [c.partner_code for c in claims if c.partner_code]
    )
    paths = await _find_paths(tx, brand.id, claims, visits)
    return [
        _decide(
            claim,
            visits,
            coupons.get(claim.coupon.lower()) if claim.coupon else None,
            networks.get(claim.partner_code) if claim.partner_code else None,
            paths.get(place, []),
            brand,
            needs_open=needs_open,
            awaited=awaited,
        )
        for place, claim in enumerate(claims)
    ]


def _decide(
    claim: Claim,
    visits: dict[int, Attribution],
    coupon: Attribution | None,
    network: Attribution | None,
    path: Sequence[Attribution],
    brand: Brand,
    *,
    needs_open: bool,
    awaited: frozenset[int],
) -> Attribution | Refusal:
    named = _named(claim, visits, awaited, needs_open=needs_open) if claim.tag else None
    if isinstance(named, Refusal) and named.error in {"unknown_tag", HELD}:
        # A mistake of the brand's to be seen, whatever else it sends.
        return named
    by_click = None if isinstance(named, Refusal) else named
    others = [each for each in path if each.open or not needs_open]
    if by_click is not None and brand.server_last_click:
        later = [each for each in others if (each.visit_id or 0) > (by_click.visit_id or 0)]
        if later:
            latest = replace(later[0], rule=Rule.LAST_CLICK)
            others = [each for each in others if each is not later[0]]
            by_click, others = latest, [by_click, *others]
    by_coupon = coupon if coupon and (coupon.open or not needs_open) else None
    by_network = network if network and (network.open or not needs_open) else None
    clicks = [by_click, by_network]
    ranked = [by_coupon, *clicks] if brand.coupon_first else [*clicks, by_coupon]
    eligible = [each for each in ranked if each is not None]
    if eligible:
        lost = [each.candidate for each in (*eligible[1:], *others)]
        return replace(eligible[0], losing=tuple(lost))
    if isinstance(named, Refusal):
        return named
    if claim.partner_code is not None:
        return _stopped() if network else _unknown_partner(claim.partner_code)
    if claim.coupon is None:
        return Refusal(
            "no_tag",
            "nothing says where it comes from: send the tag that the landing received, or a code",
        )
    if coupon is None:
        return Refusal(
            "unknown_coupon",
            f"no promo of this brand has the code {claim.coupon!r}: check it, or send the tag",
        )
    return _stopped()


def _named(
    claim: Claim,
    visits: dict[int, Attribution],
    awaited: frozenset[int],
    *,
    needs_open: bool,
) -> Attribution | Refusal | None:
    """The visit of the claim's tag, or why it does not count."""
    tag = claim.tag
    if tag is None:
        return None
    visit = visits.get(tag.visit_id)
    if visit is None and tag.visit_id in awaited:
        return Refusal(HELD, f"the visit of the tag {tag} has not arrived yet: it is waited for")
    if visit is None or visit.promo_id != tag.promo_id:
        return Refusal(
            "unknown_tag",
            f"no visit of this brand has the tag {tag}: send the stag as the landing received it",
        )
    if needs_open and not visit.open:
        return _stopped()
    if visit.attributable_until is not None and claim.at > visit.attributable_until:
        until = visit.attributable_until.isoformat()
        return Refusal(
            "window_ended",
            f"the visit could be attributed until {until}: what came later belongs to nobody",
        )
    return visit


def _unknown_partner(code: str) -> Refusal:
    return Refusal(
        "unknown_partner",
        f"no partner with the code {code!r} may promote this brand: check 2pau, and the partner's relation to it",
    )


def _stopped() -> Refusal:
    return Refusal(
        "not_attributable",
        "the partner, its relation to the brand, the brand or the campaign is stopped: ask the operators",
    )


async def find_visits(
    tx: Transaction, brand_id: int, tags: Sequence[Stag]
) -> dict[int, Attribution]:
    """The visits of the brand that those tags name, by visit id."""
    if not tags:
        return {}
    rows = await tx.fetch(queries.FIND_VISITS, brand_id, [tag.visit_id for tag in tags])
    return {row["visit_id"]: _attribution(row, Rule.STAG) for row in rows}


async def find_awaited(
    tx: Transaction,
    brand: Brand,
    claims: Sequence[Claim],
    visits: dict[int, Attribution],
    now: datetime,
) -> frozenset[int]:
    """The visits that are not recorded and that a click journal may still have (W3).

    Their promo is one of the brand, their id was made within the last HELD_FOR, and no other brand's visit has it.
    """
    tags = [claim.tag for claim in claims if claim.tag and claim.tag.visit_id not in visits]
    recent = [tag for tag in tags if is_recent(tag.visit_id, now)]
    if not recent:
        return frozenset()
    promo_ids, visit_ids = [t.promo_id for t in recent], [t.visit_id for t in recent]
    rows = await tx.fetch(queries.FIND_AWAITED, brand.id, promo_ids, visit_ids)
    return frozenset(int(row["visit_id"]) for row in rows)


def is_recent(visit_id: int, now: datetime) -> bool:
    """True when the id was made within the last HELD_FOR, as far as clocks agree."""
    made = visit_time(visit_id)
    return now - HELD_FOR <= made <= now + CLOCK_SKEW


async def _find_networks(
    tx: Transaction, brand_id: int, codes: Sequence[str]
) -> dict[str, Attribution]:
    """The promos for network links of partners by their codes."""
    if not codes:
        return {}
    rows = await tx.fetch(queries.FIND_NETWORKS, brand_id, list(codes))
    return {row["code"]: _attribution(row, Rule.NETWORK) for row in rows}


async def _find_coupons(
    tx: Transaction, brand_id: int, codes: Sequence[str]
) -> dict[str, Attribution]:
    """What coupons are bound to, by their code in small letters."""
    if not codes:
        return {}
    rows = await tx.fetch(queries.FIND_COUPONS, brand_id, [code.lower() for code in codes])
    return {row["code"]: _attribution(row, Rule.COUPON) for row in rows}


async def _find_paths(
    tx: Transaction, brand_id: int, claims: Sequence[Claim], visits: dict[int, Attribution]
) -> dict[int, list[Attribution]]:
    """The other clicks of each claim's visitor that were in their window, the latest first, by place."""
    asked = [
        (place, claim.tag.visit_id, claim.at)
        for place, claim in enumerate(claims)
        if claim.tag is not None and claim.tag.visit_id in visits
    ]
    if not asked:
        return {}
    places, ids, times = (list(column) for column in zip(*asked, strict=True))
    paths: dict[int, list[Attribution]] = {}
    for row in await tx.fetch(queries.FIND_PATHS, brand_id, places, ids, times):
        paths.setdefault(row["place"], []).append(_attribution(row, Rule.CLICK))
    return paths


def _attribution(row: dict[str, Any], rule: Rule) -> Attribution:
    return Attribution(
        row["visit_id"],
        row["promo_id"],
        row["campaign_id"],
        row["plan_id"],
        row["partner_id"],
        row["country"],
        row["attributable_until"],
        row["open"],
        rule,
    )
