"""What the intake should make of a history, in plain Python: the rules of docs/intake.md, item by item (W3, M03–M06).

Times are hours and seconds of two business days in UTC; amounts are in the brand's currency.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, NamedTuple, TypeAlias

Source: TypeAlias = Literal["activity", "events"]


class Numbers(NamedTuple):
    """What an item of activity says."""

    deposits_count: int
    deposits_sum: Decimal
    bets_sum: Decimal

    def plus(self, more: Numbers) -> Numbers:
        """Both together."""
        return Numbers(
            self.deposits_count + more.deposits_count,
            self.deposits_sum + more.deposits_sum,
            self.bets_sum + more.bets_sum,
        )


class Hour(NamedTuple):
    """An item's place: the player and the beginning of its hour."""

    user: str
    start: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """An item of activity; `first` is the claimed first deposit."""

    place: Hour
    numbers: Numbers
    revision: int | None
    first: tuple[datetime, Decimal] | None


@dataclass(frozen=True, slots=True)
class Told:
    """A single event as it is sent."""

    id: str
    type: str
    user: str | None = None
    at: datetime | None = None
    amount: Decimal | None = None
    ref: str | None = None
    revision: int | None = None
    flag: str | None = None
    raised: bool = True
    # It carries the tag of the visit, and so registers a player who is not there yet.
    tagged: bool = False
    country: str | None = None


@dataclass(slots=True)
class Row:
    """The stored item of an hour, with the promo that its fact has."""

    numbers: Numbers
    revision: int | None
    promo: int
    country: str


@dataclass(slots=True)
class Kept:
    """A stored event, as it holds at present."""

    told: Told
    at: datetime
    amount: Decimal
    # As it was first sent: what numbered amendments start from.
    original: Decimal
    promo: int
    # Of the player, when the event was told or last corrected.
    country: str
    revision: int | None = None
    voided: bool = False
    refunded: Decimal = Decimal(0)


@dataclass(slots=True)
class SignUp:
    """When a player signed up, as the brand told it or as what the player did suggests."""

    at: datetime
    inferred: bool
    country: str


# Of visits without a country database.
_UNKNOWN = "ZZ"


class Refused(Exception):
    """The code of a refusal."""


@dataclass(slots=True)
class Model:
    """One brand's history so far."""

    promo: int
    sources: dict[str, Source]
    # When the players that the brand registers by themselves signed up.
    beginning: datetime
    players: dict[str, SignUp] = field(default_factory=dict)
    moves: dict[str, list[tuple[date, int]]] = field(default_factory=dict)
    rows: dict[Hour, Row] = field(default_factory=dict)
    # What is claimed of first deposits, with the promo to which it belonged when it was told.
    claims: dict[Hour, tuple[datetime, Decimal, int]] = field(default_factory=dict)
    events: dict[str, Kept] = field(default_factory=dict)
    flags: dict[tuple[str, str], list[tuple[datetime, bool]]] = field(default_factory=dict)
    first: dict[str, tuple[datetime, Decimal, int]] = field(default_factory=dict)

    def promo_on(self, user: str | None, day: date) -> int:
        """To which promo what a player does on a day belongs."""
        past = [promo for since, promo in self.moves.get(user or "", []) if since <= day]
        return past[-1] if past else self.promo

    # Players

    def register(self, user: str) -> str:
        """The answer to an item of players that repeats or begins a player."""
        known = self.players.get(user)
        if known is not None and not known.inferred:
            return "unchanged"
        country = known.country if known else _UNKNOWN
        self.players[user] = SignUp(self.beginning, inferred=False, country=country)
        return "updated" if known else "created"

    # Activity

    def report(self, item: Report) -> str:
        """The answer to an item of activity."""
        place = item.place
        if place.user not in self.players:
            return "unknown_player"
        before, claim = self.rows.get(place), self.claims.get(place)
        if before and item.revision is not None and before.revision is not None:
            if item.revision < before.revision:
                return "stale"
            equal = item.numbers == before.numbers and (claim is None or item.first == claim[:2])
            if item.revision == before.revision and not equal:
                return "conflict"
        revised = before is not None and item.numbers != before.numbers
        written = before is None or revised or _is_newer(item.revision, before.revision)
        if written:
            promo = self.promo_on(place.user, place.start.date())
            stored = before.revision if before else None
            newest = stored if item.revision is None else item.revision
            country = self.players[place.user].country
            self.rows[place] = Row(item.numbers, newest, promo, country)
        claims = item.first is not None or (claim is not None and item.revision is not None)
        moved = self._claim(item, written)
        if before is None:
            return "created"
        return "updated" if revised or (claims and moved) else "unchanged"

    def _claim(self, item: Report, written: bool) -> bool:
        """Keep or take back what is said of the first deposit; True when the player's has changed."""
        claim = self.claims.get(item.place)
        if item.first is not None:
            if claim is None or written or item.first != claim[:2]:
                promo = self.promo_on(item.place.user, item.first[0].date())
                self.claims[item.place] = (*item.first, promo)
        elif item.revision is not None:
            self.claims.pop(item.place, None)
        return self._settle(item.place.user)

    def _settle(self, user: str) -> bool:
        if self.sources["first_deposits"] == "activity":
            told = [deposit for place, deposit in self.claims.items() if place.user == user]
            found = sorted(told)
        else:
            deposits = [
                kept
                for kept in self.events.values()
                if kept.told.type == "deposit" and kept.told.user == user and not kept.voided
            ]
            deposits.sort(key=lambda kept: (kept.at, kept.told.id))
            found = [(kept.at, kept.amount, kept.promo) for kept in deposits]
        before = self.first.get(user)
        if not found:
            return self.first.pop(user, None) is not None
        self.first[user] = found[0]
        return before != found[0]

    # Events

    def tell(self, told: Told) -> str:
        """The answer to an event."""
        known = self.events.get(told.id)
        if known is not None:
            return "unchanged" if known.told == told else "conflict"
        try:
            return self._take(told)
        except Refused as refusal:
            return str(refusal)

    def _take(self, told: Told) -> str:
        if told.type in {"void", "amend", "refund"}:
            return self._correct(told)
        self._see_to_player(told)
        kept = self._keep(told, told.amount or Decimal(0))
        if told.type == "flag":
            history = self.flags.setdefault((told.user or "", told.flag or ""), [])
            history.append((kept.at, told.raised))
        self._follow(kept)
        return "created"

    def _see_to_player(self, told: Told) -> None:
        """What is not a registration infers the sign-up of a player who is not there yet."""
        if told.user is None or told.at is None:
            raise TypeError("the event tells of a player at a time")
        known = self.players.get(told.user)
        inferred = told.type != "registration"
        if known is None and not told.tagged:
            raise Refused("unknown_player" if inferred else "no_tag")
        if known is None or (known.inferred and not inferred):
            country = told.country or (known.country if known else _UNKNOWN)
            self.players[told.user] = SignUp(told.at, inferred, country)

    def _keep(self, told: Told, amount: Decimal) -> Kept:
        at = told.at
        if at is None:
            raise TypeError("the event has no time")
        promo = self.promo_on(told.user, at.date()) if told.user else self.promo
        kept = Kept(told, at, amount, amount, promo, self._country_of(told))
        self.events[told.id] = kept
        return kept

    def _country_of(self, told: Told) -> str:
        known = self.players.get(told.user or "")
        return known.country if known else _UNKNOWN

    def _follow(self, kept: Kept) -> None:
        if kept.told.type == "deposit":
            self._settle(kept.told.user or "")

    def _correct(self, told: Told) -> str:
        target = self.events.get(told.ref or "")
        if target is None:
            raise Refused("unknown_ref")
        if told.type == "refund":
            self._refund(told, target)
            return "created"
        if target.told.type in {"flag", "void", "amend", "registration"}:
            raise Refused("invalid")
        before = (target.at, target.amount, target.revision)
        if told.type == "void":
            if target.voided:
                return "unchanged"
            self._void(target)
        else:
            self._amend(told, target)
        self.events[told.id] = Kept(told, told.at or target.at, Decimal(0), Decimal(0), 0, _UNKNOWN)
        changed = before != (target.at, target.amount, target.revision)
        if changed and target.told.type in {"deposit", "bet"}:
            target.promo = self.promo_on(target.told.user, target.at.date())
            target.country = self._country_of(target.told)
        self._follow(target)
        return "created"

    def _sale_of(self, refund: Kept) -> Kept:
        return self.events[refund.told.ref or ""]

    def _refund(self, told: Told, sale: Kept) -> None:
        if sale.told.type != "sale":
            raise Refused("invalid")
        if sale.voided:
            raise Refused("voided")
        if told.amount == 0:
            raise Refused("invalid")
        left = sale.amount - sale.refunded
        amount = left if told.amount is None else told.amount
        if amount <= 0 or amount > left:
            raise Refused("exceeds")
        refund = self._keep(told, amount)
        refund.promo, refund.country = sale.promo, sale.country
        sale.refunded += amount

    def _void(self, target: Kept) -> None:
        if target.refunded:
            raise Refused("has_refunds")
        target.voided = True
        if target.told.type == "refund":
            self._sale_of(target).refunded -= target.amount

    def _amend(self, told: Told, target: Kept) -> None:
        if target.voided:
            raise Refused("voided")
        numbered = told.revision is not None
        # What a refund of all that was left gave back at first is not told by itself.
        unsaid = target.told.type == "refund" and target.told.amount is None
        if numbered and unsaid and told.amount is None:
            raise Refused("invalid")
        base = (target.told.at, target.original) if numbered else (target.at, target.amount)
        at = told.at or base[0] or target.at
        amount = base[1] if told.amount is None else told.amount
        if told.revision is not None and target.revision is not None:
            if told.revision < target.revision:
                raise Refused("stale")
            if told.revision == target.revision and (at, amount) != (target.at, target.amount):
                raise Refused("conflict")
        if target.told.type == "sale" and amount < target.refunded:
            raise Refused("exceeds")
        if target.told.type == "refund":
            sale = self._sale_of(target)
            if amount - target.amount > sale.amount - sale.refunded:
                raise Refused("exceeds")
            sale.refunded += amount - target.amount
        target.at, target.amount = at, amount
        target.revision = told.revision if numbered else target.revision

    # What holds in the end

    def sums(self) -> dict[tuple[int, str, str, date], Numbers]:
        """What counts of players, by promo, player, country and day, where it is not nothing."""
        found: dict[tuple[int, str, str, date], Numbers] = {}

        def add(promo: int, user: str, country: str, day: date, numbers: Numbers) -> None:
            if any(numbers):
                key = (promo, user, country, day)
                found[key] = found.get(key, Numbers(0, Decimal(0), Decimal(0))).plus(numbers)

        for place, row in self.rows.items():
            told = self._counting("activity", row.numbers)
            add(row.promo, place.user, row.country, place.start.date(), told)
        for kept in self.events.values():
            if kept.told.type in {"deposit", "bet"} and not kept.voided:
                deposit = kept.told.type == "deposit"
                whole = Numbers(1, kept.amount, Decimal(0))
                told = whole if deposit else Numbers(0, Decimal(0), kept.amount)
                counted = self._counting("events", told)
                add(kept.promo, kept.told.user or "", kept.country, kept.at.date(), counted)
        return found

    def _counting(self, source: Source, numbers: Numbers) -> Numbers:
        if self.sources["deposits"] != source:
            numbers = numbers._replace(deposits_count=0, deposits_sum=Decimal(0))
        if self.sources["bets"] != source:
            numbers = numbers._replace(bets_sum=Decimal(0))
        return numbers

    def conversions(self) -> list[tuple[str, str, datetime, Decimal, int, str]]:
        """Sales and refunds that hold: kind, id of the event, time, amount, promo, country."""
        return sorted(
            (kept.told.type, kept.told.id, kept.at, kept.amount, kept.promo, kept.country)
            for kept in self.events.values()
            if kept.told.type in {"sale", "refund"} and not kept.voided
        )

    def steps(self) -> list[tuple[str, str, datetime, bool, int]]:
        """Every line of every flag with its step, in the order of time."""
        lines = []
        for (user, flag), history in self.flags.items():
            held = False
            for at, raised in sorted(history):
                lines.append((user, flag, at, raised, int(raised) - int(held)))
                held = raised
        return sorted(lines)


def _is_newer(revision: int | None, stored: int | None) -> bool:
    return revision is not None and (stored is None or revision > stored)
