"""Registering players that a brand reports (W3, M01–M03)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.domain.attribution.decide import HELD, Attribution, Claim, Refusal, attribute
from app.domain.errors import Invalid
from app.domain.events import NewEvent, Subject, record_all
from app.domain.held.waiting import Door, Holder, Waiting, open_holder
from app.domain.intake import CHUNK, Item, Stag, is_storable, lock_brand_intake
from app.domain.permissions import Permission, requires
from app.domain.personal import create_subjects
from app.domain.players import queries
from app.domain.players.flags import Flag, FlagStatement, record_flags
from app.domain.players.known import KnownPlayer, find_players
from app.domain.players.sign_up import SignUp, tell_sign_up
from app.domain.scope import Scope
from app.infra.clock import business_day
from app.infra.crypto import SecretBox
from app.infra.database import Transaction, transaction
from app.infra.encoding import dumps_text
from app.models import Brand

_PERSONAL = {
    "email": 254,
    "first_name": 100,
    "last_name": 100,
    "nickname": 100,
    "date_of_birth": 10,
    "gender": 16,
}
_FLAGS = (Flag.DUPLICATE, Flag.SELF_EXCLUDED, Flag.DISABLED)
# What is kept of a held item; what is personal is kept apart.
_FIELDS = (
    *("user_id", "tag", "bonus_code", "sign_up_at", "country", "language", "currency"),
    *(flag.value for flag in _FLAGS),
)
HELD_MESSAGE = (
    "a visit of this user has not arrived yet: the item is kept and taken in by itself, and so are the user's later "
    "ones; do not send it again"
)


class Status(StrEnum):
    """What became of an item."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    # It waits for a visit that a click journal still has.
    HELD = "held"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class NewPlayer:
    """A player as the brand reports it."""

    user_id: str
    tag: Stag | None
    sign_up_at: datetime
    country: str | None
    language: str | None
    # None: not said; a new player has the brand's.
    currency: str | None
    # A coupon or bonus code that is bound to a promo (M02).
    bonus_code: str | None = None
    # What is held against the player, or no longer.
    flags: Mapping[Flag, bool] = field(default_factory=dict)
    # The partner's code of a network link (W4).
    partner_code: str | None = None
    # What the brand tells of the person: kept apart, under the person's own key (A6A).
    person: Mapping[str, str] = field(default_factory=dict)
    # True when it comes with what it did, before the brand told of the sign-up.
    inferred: bool = False


@dataclass(frozen=True, slots=True)
class PlayerResult:
    """The answer to one item. `error` is a code, `message` says what to do."""

    user_id: str | None
    stag: str | None
    promo_id: int | None
    status: Status
    error: str | None = None
    message: str | None = None


@requires(Permission.SEND_BRAND_DATA)
async def register_players(
    scope: Scope, brand_id: int, items: Sequence[Any], *, box: SecretBox
) -> list[PlayerResult]:
    """Take in a batch of players; one result per item, in order. A bad item refuses itself only.

    Repeating a batch changes nothing. Every thousand items are one transaction; raises DatabaseError when one
    fails, after which the whole batch may be sent again.
    """
    brand = await scope.query(Brand).get(id=brand_id)
    results: list[PlayerResult] = []
    for start in range(0, len(items), CHUNK):
        chunk = items[start : start + CHUNK]
        async with transaction() as tx:
            await lock_brand_intake(tx, brand.id)
            users = [user_id_of(raw) for raw in chunk]
            holder = await open_holder(tx, brand.id, Door.PLAYERS, users)
            results += await take_players(scope, tx, brand, chunk, box=box, holder=holder)
    return results


async def take_players(
    scope: Scope,
    tx: Transaction,
    brand: Brand,
    items: Sequence[Any],
    *,
    box: SecretBox,
    holder: Holder,
) -> list[PlayerResult]:
    """`register_players` within a transaction that has locked the brand's intake."""
    batch = _Batch(scope, tx, brand, box, holder)
    parsed = [_parse(scope, brand, raw) for raw in items]
    good = [item for item in parsed if isinstance(item, NewPlayer)]
    batch.known = await find_players(tx, brand.id, [item.user_id for item in good])
    strangers = [item for item in good if item.user_id not in batch.known]
    claims = [Claim(item.tag, item.bonus_code, item.sign_up_at) for item in strangers]
    # Visit ids are made on the machine's clock, whatever a sandbox's says.
    now = scope.now() - brand.clock_offset
    decided = iter(await attribute(tx, brand, claims, needs_open=True, now=now))
    results = []
    for item, raw in zip(parsed, items, strict=True):
        if isinstance(item, PlayerResult):
            results.append(item)
        else:
            decision = None if item.user_id in batch.known else next(decided)
            results.append(await batch.take(item, raw, decision))
    await batch.write()
    return results


class _Batch:
    """A batch of players while it is taken in."""

    def __init__(
        self, scope: Scope, tx: Transaction, brand: Brand, box: SecretBox, holder: Holder
    ) -> None:
        self.scope, self.tx, self.brand, self.box, self.holder = scope, tx, brand, box, holder
        self.known: dict[str, KnownPlayer] = {}
        self.fresh: dict[str, tuple[NewPlayer, Attribution]] = {}

    async def take(
        self, item: NewPlayer, raw: Mapping[str, Any], decision: Attribution | Refusal | None
    ) -> PlayerResult:
        """The answer to one item; `decision` is None for a player that was known before the batch."""
        held = isinstance(decision, Refusal) and decision.error == HELD
        if self.holder.blocks(item.user_id) or (held and item.user_id not in self.fresh):
            self.holder.hold(self._waiting(item, raw, item.tag if held else None))
            tag = str(item.tag) if item.tag else None
            return PlayerResult(item.user_id, tag, None, Status.HELD, None, HELD_MESSAGE)
        if decision is None:
            known = self.known[item.user_id]
            result, self.known[item.user_id] = await _repeat(
                self.scope, self.tx, self.brand, known, item
            )
            return result
        if item.user_id in self.fresh:
            return _repeat_within_batch(self.fresh[item.user_id], item)
        return _accept(item, decision, self.fresh)

    def _waiting(self, item: NewPlayer, raw: Mapping[str, Any], tag: Stag | None) -> Waiting:
        content = {name: raw[name] for name in _FIELDS if raw.get(name) is not None}
        person = self.box.encrypt(dumps_text(dict(item.person))) if item.person else None
        return Waiting(item.user_id, tag, f"players:{item.user_id}", content, person)

    async def write(self) -> None:
        """Write the new players and what is held."""
        scope, tx, brand = self.scope, self.tx, self.brand
        fresh = list(self.fresh.values())
        ids = await insert_players(scope, tx, brand, fresh, self.box)
        await raise_flags_of_new(scope, tx, brand, fresh, ids)
        await self.holder.write(scope, tx, brand)


def _parse(scope: Scope, brand: Brand, raw: Any) -> NewPlayer | PlayerResult:
    """The item, or its refusal."""
    user_id: str | None = None
    try:
        item = Item(raw)
        user_id = item.required_text("user_id", 200)
        return NewPlayer(
            user_id=user_id,
            tag=item.stag(),
            sign_up_at=item.required_time("sign_up_at", scope),
            country=item.country(),
            language=item.text("language", 16),
            currency=item.currency(brand.currency) if item.has("currency") else None,
            bonus_code=item.text("bonus_code", 64),
            flags=_flags(item),
            person=_person(item),
        )
    except Invalid as error:
        return PlayerResult(user_id, None, None, Status.REJECTED, "invalid", error.message)


def _flags(item: Item) -> dict[Flag, bool]:
    """The flags that the item speaks of."""
    given = {flag: item.boolean(flag.value) for flag in _FLAGS}
    return {flag: value for flag, value in given.items() if value is not None}


def _person(item: Item) -> dict[str, str]:
    """The personal fields that the item carries."""
    given = {name: item.text(name, longest) for name, longest in _PERSONAL.items()}
    return {name: value for name, value in given.items() if value is not None}


def _accept(
    item: NewPlayer,
    decision: Attribution | Refusal,
    fresh: dict[str, tuple[NewPlayer, Attribution]],
) -> PlayerResult:
    """The answer for a player that is not there yet; an accepted one is added to `fresh`."""
    if isinstance(decision, Refusal):
        return _rejected(item, decision.error, decision.message)
    fresh[item.user_id] = (item, decision)
    return PlayerResult(item.user_id, decision.stag, decision.promo_id, Status.CREATED)


async def _repeat(
    scope: Scope, tx: Transaction, brand: Brand, known: KnownPlayer, item: NewPlayer
) -> tuple[PlayerResult, KnownPlayer]:
    """A player is attributed once: another tag is a conflict, another country or language an update (M03).

    What the item does not say stays. Returns the player as it is afterwards as well.
    """
    stag = known.attribution.stag
    if item.tag is not None and str(item.tag) not in known.all_tags:
        message = (
            f"the player was registered with the tag {stag} and stays with it: leave the tag out"
        )
        return _rejected(item, "conflict", message), known
    said = [FlagStatement(known, flag, on, scope.now()) for flag, on in item.flags.items()]
    flagged = await record_flags(scope, tx, brand, said)
    answer = PlayerResult(item.user_id, stag, known.attribution.promo_id, Status.UPDATED)
    told = SignUp(item.sign_up_at, item.country, item.language, item.currency)
    if known.sign_up_inferred:
        return answer, await tell_sign_up(scope, tx, brand, known, told)
    if item.sign_up_at != known.sign_up_at:
        answer = replace(answer, message=_sign_up_stays(known))
    after = replace(told, at=known.sign_up_at).applied_to(known)
    if after == known:
        return replace(answer, status=Status.UPDATED if flagged else Status.UNCHANGED), known
    profile = (after.country, after.language, after.currency)
    await tx.fetch(queries.UPDATE_PLAYER, known.id, *profile)
    event = NewEvent(
        "player.updated",
        Subject("player", known.id),
        known.attribution.partner_id,
        brand.id,
        scope.now(),
        {"country": profile[0], "language": profile[1], "currency": profile[2]},
    )
    await record_all(scope, tx, [event])
    return answer, after


def _sign_up_stays(known: KnownPlayer) -> str:
    return f"the sign-up stays at {known.sign_up_at.isoformat()}, as it was told first"


def _repeat_within_batch(first: tuple[NewPlayer, Attribution], item: NewPlayer) -> PlayerResult:
    earlier, visit = first
    if item == earlier:
        return PlayerResult(item.user_id, visit.stag, visit.promo_id, Status.UNCHANGED)
    return _rejected(
        item,
        "conflict",
        "the same batch holds this user_id with other content: send changes in a later batch",
    )


def _rejected(item: NewPlayer, error: str, message: str) -> PlayerResult:
    return PlayerResult(
        item.user_id, str(item.tag) if item.tag else None, None, Status.REJECTED, error, message
    )


async def insert_players(
    scope: Scope,
    tx: Transaction,
    brand: Brand,
    fresh: Sequence[tuple[NewPlayer, Attribution]],
    box: SecretBox | None = None,
) -> dict[str, int]:
    """Write new players with their registrations and events; returns their ids by user id.

    Without `box` there must be nothing personal about them.
    """
    if not fresh:
        return {}
    subjects = await _insert_people(tx, [item for item, _ in fresh], box)
    countries = {item.user_id: item.country or visit.country for item, visit in fresh}
    currencies = {item.user_id: item.currency or brand.currency for item, _ in fresh}
    rows = await tx.fetch(
        queries.INSERT_PLAYERS,
        brand.id,
        scope.now(),
        [item.user_id for item, _ in fresh],
        [visit.partner_id for _, visit in fresh],
        [visit.campaign_id for _, visit in fresh],
        [visit.promo_id for _, visit in fresh],
        [visit.visit_id for _, visit in fresh],
        [countries[item.user_id] for item, _ in fresh],
        [item.language for item, _ in fresh],
        [currencies[item.user_id] for item, _ in fresh],
        [item.sign_up_at for item, _ in fresh],
        [subjects.get(item.user_id) for item, _ in fresh],
        [visit.rule.value for _, visit in fresh],
        [dumps_text(visit.losing_candidates) for _, visit in fresh],
        [item.inferred for item, _ in fresh],
    )
    ids = {row["user_id"]: int(row["id"]) for row in rows}
    await tx.fetch(
        queries.INSERT_REGISTRATIONS,
        await tx.recording(),
        brand.id,
        [item.sign_up_at for item, _ in fresh],
        [business_day(item.sign_up_at, brand.time_zone) for item, _ in fresh],
        [visit.partner_id for _, visit in fresh],
        [visit.campaign_id for _, visit in fresh],
        [visit.plan_id for _, visit in fresh],
        [visit.promo_id for _, visit in fresh],
        [ids[item.user_id] for item, _ in fresh],
        [countries[item.user_id] for item, _ in fresh],
        [currencies[item.user_id] for item, _ in fresh],
    )
    events = [
        NewEvent(
            "player.registered",
            Subject("player", ids[item.user_id]),
            visit.partner_id,
            brand.id,
            item.sign_up_at,
            {
                "visit_id": visit.visit_id,
                "promo_id": visit.promo_id,
                "campaign_id": visit.campaign_id,
                "country": countries[item.user_id],
                "currency": currencies[item.user_id],
                "attributed_by": visit.rule.value,
            },
        )
        for item, visit in fresh
    ]
    await record_all(scope, tx, events)
    return ids


async def raise_flags_of_new(
    scope: Scope,
    tx: Transaction,
    brand: Brand,
    fresh: Sequence[tuple[NewPlayer, Attribution]],
    ids: Mapping[str, int],
) -> None:
    """What is held against players from their sign-up on."""
    said = [
        FlagStatement(
            known_of_new(ids[item.user_id], item, visit, brand), flag, on, item.sign_up_at
        )
        for item, visit in fresh
        for flag, on in item.flags.items()
    ]
    await record_flags(scope, tx, brand, said)


def known_of_new(
    player_id: int, item: NewPlayer, attribution: Attribution, brand: Brand
) -> KnownPlayer:
    """A player that was just written. Its facts carry its own country, which its visit only guesses."""
    country = item.country or attribution.country
    return KnownPlayer(
        player_id,
        item.user_id,
        replace(attribution, country=country),
        country,
        item.language,
        item.currency or brand.currency,
        item.sign_up_at,
        item.inferred,
        frozenset({attribution.stag}),
    )


def user_id_of(raw: Any) -> str | None:
    """The user of an item that was not read yet, as it would be read."""
    value = raw.get("user_id") if isinstance(raw, Mapping) else None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**200:
        value = str(value)
    return value if isinstance(value, str) and is_storable(value) else None


async def _insert_people(
    tx: Transaction, items: Sequence[NewPlayer], box: SecretBox | None
) -> dict[str, int]:
    """Keep the personal data of those players about whom there is any; subject ids by user id."""
    known = [item for item in items if item.person]
    if not known:
        return {}
    if box is None:
        raise TypeError("personal data needs a box to be kept in")
    ids = await create_subjects(tx, box, [item.person for item in known])
    return {item.user_id: subject_id for item, subject_id in zip(known, ids, strict=True)}
