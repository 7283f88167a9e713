"""The players of one batch of events: who is known, who comes with it, and whose sign-up it tells (W3, M03)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from app.domain.attribution.decide import Attribution, Refusal
from app.domain.brand_events.corrections import Refused
from app.domain.brand_events.entries import Entry
from app.domain.brand_events.read import EventType, NewBrandEvent
from app.domain.players.known import KnownPlayer, find_players, find_players_by_id
from app.domain.players.register import NewPlayer, insert_players, known_of_new
from app.domain.players.sign_up import SignUp, tell_sign_up
from app.domain.scope import Scope
from app.infra.clock import business_day
from app.infra.database import Transaction
from app.models import Brand

_STAYS = (
    "the player is registered and stays as it was told: send /api/v1/players to change its country, language or "
    "currency; the sign-up stays"
)


class BatchPlayers:
    """The players of a batch while it is taken in."""

    def __init__(self, brand: Brand) -> None:
        self._brand = brand
        self._known: dict[str, KnownPlayer] = {}
        self._fresh: dict[str, tuple[NewPlayer, Attribution]] = {}
        # What registrations of the batch say of players who had come with what they did, as they were before.
        self._told: list[tuple[KnownPlayer, SignUp]] = []

    async def load(
        self, tx: Transaction, user_ids: Sequence[str], entries: Iterable[Entry]
    ) -> None:
        """Read the players with these ids of the brand, and those of stored events, which get their names."""
        self._known = await find_players(tx, self._brand.id, user_ids)
        stored = list(entries)
        ids = sorted({entry.player_id for entry in stored if entry.player_id is not None})
        for player in (await find_players_by_id(tx, self._brand.id, ids)).values():
            self._known[player.user_id] = player
        names = {player.id: player.user_id for player in self._known.values()}
        for entry in stored:
            entry.user_id = names.get(entry.player_id or 0)

    def is_known(self, user_id: str | None) -> bool:
        """True for a player who was there before the batch."""
        return user_id in self._known

    def comes(self, user_id: str | None) -> bool:
        """True for a player who comes with an earlier event of the batch."""
        return user_id in self._fresh

    def attribution_of(self, event: NewBrandEvent) -> Attribution:
        """Where a sale comes from that says only whose it is: from where its player comes. Raises Refused."""
        if event.user_id in self._fresh:
            new, origin = self._fresh[event.user_id]
            return known_of_new(0, new, origin, self._brand).attribution
        player = self._known.get(event.user_id or "")
        if player is None or event.occurred_at is None:
            raise Refused(
                "unknown_player",
                "no player has this user_id: register it first, or send tag, coupon, or 2pau with 2ptu",
            )
        return player.attribution_on(business_day(event.occurred_at, self._brand.time_zone))

    def accept(self, event: NewBrandEvent, decision: Attribution | Refusal | None) -> str | None:
        """See to it that the event's player is there, or comes with the batch; raises Refused.

        Returns what the brand should know of a registration that changes nothing.
        """
        user_id = event.user_id or ""
        if user_id in self._known:
            return self._accept_known(event, self._known[user_id])
        if user_id in self._fresh:
            # Who came with what it did in this batch has no registration in it: see `split`.
            new, origin = self._fresh[user_id]
            return _repeat(event, known_of_new(0, new, origin, self._brand))
        if isinstance(decision, Refusal):
            if event.type is EventType.REGISTRATION or decision.error != "no_tag":
                raise Refused(decision.error, decision.message)
            raise Refused(
                "unknown_player",
                "no player has this user_id: register it first, or send its tag",
            )
        if decision is None or event.occurred_at is None:
            raise TypeError("nothing was decided about a new player")
        new = NewPlayer(
            user_id,
            event.tag,
            event.occurred_at,
            event.country,
            event.language,
            event.currency,
            event.coupon,
            inferred=event.type is not EventType.REGISTRATION,
        )
        self._fresh[user_id] = (new, decision)
        return None

    def _accept_known(self, event: NewBrandEvent, player: KnownPlayer) -> str | None:
        if event.type is not EventType.REGISTRATION:
            return None
        if not player.sign_up_inferred:
            return _repeat(event, player)
        _check_tag(event, player)
        told = _sign_up(event)
        self._told.append((player, told))
        self._known[player.user_id] = told.applied_to(player)
        return None

    async def write(self, scope: Scope, tx: Transaction) -> dict[str, KnownPlayer]:
        """Write who is new and what was told of sign-ups; returns all players of the batch by user id."""
        brand, fresh = self._brand, list(self._fresh.values())
        ids = await insert_players(scope, tx, brand, fresh)
        for new, origin in fresh:
            self._known[new.user_id] = known_of_new(ids[new.user_id], new, origin, brand)
        for player, told in self._told:
            await tell_sign_up(scope, tx, brand, player, told)
        return self._known


async def split(
    tx: Transaction, brand: Brand, events: Sequence[NewBrandEvent]
) -> list[list[NewBrandEvent]]:
    """The events in parts that are taken in one after another.

    A part ends before a registration that tells of a player who came with what it did: what the part tells of the
    player belongs to the country that was known until then, just as when the registration comes in a later batch.
    """
    registered = {
        event.user_id
        for event in events
        if event.type is EventType.REGISTRATION and event.user_id is not None
    }
    known = await find_players(tx, brand.id, sorted(registered))
    inferred = {user for user, player in known.items() if player.sign_up_inferred}
    parts: list[list[NewBrandEvent]] = [[]]
    told: set[str | None] = set()
    for event in events:
        if event.type is EventType.REGISTRATION and (
            event.user_id in told or (event.user_id in inferred and parts[-1])
        ):
            parts.append([])
            told.clear()
        elif event.type is not EventType.REGISTRATION and event.user_id not in known:
            told.add(event.user_id)
        parts[-1].append(event)
    return parts


def _repeat(event: NewBrandEvent, player: KnownPlayer) -> str | None:
    """What to say of a registration of a player who is registered; raises Refused."""
    if event.type is not EventType.REGISTRATION:
        return None
    _check_tag(event, player)
    return _STAYS if _sign_up(event).differs_from(player) else None


def _sign_up(event: NewBrandEvent) -> SignUp:
    if event.occurred_at is None:
        raise TypeError("a registration has a time")
    return SignUp(event.occurred_at, event.country, event.language, event.currency)


def _check_tag(event: NewBrandEvent, player: KnownPlayer) -> None:
    """A player is attributed once (M03). Raises Refused when a registration names another tag."""
    if event.tag is not None and str(event.tag) not in player.all_tags:
        message = "the player was registered with another tag and stays with it: leave the tag out"
        raise Refused("conflict", message)
