"""Histories that hypothesis makes up: any order, repeated, split, corrected, from several connections at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from app.domain.scope import Scope
from app.infra.clock import ManualClock
from tests.domain.intake.brand import HOUR, Sender, at_once, make_sender
from tests.domain.intake.model import Hour, Model, Numbers, Report, Source, Told

# Few players, hours and numbers: what collides is what matters.
USERS = ("p1", "p2")
_SOURCES: st.SearchStrategy[Source] = st.sampled_from(("activity", "events"))
_AMOUNTS = st.integers(0, 5).map(lambda cents: Decimal(cents) / 4)
_HOURS = st.integers(0, 2)
_REVISIONS = st.one_of(st.none(), st.integers(0, 2))


class History(RuleBasedStateMachine):
    """One brand and its model, side by side."""

    # The event loop that is connected to a database, and the clock of the brand.
    runner: ClassVar[asyncio.Runner]
    clock: ClassVar[ManualClock]
    sender: Sender

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, Sequence[Any]]] = []
        self.ids = 0

    def hour(self, number: int) -> datetime:
        """Some hours before and after midnight."""
        midnight = self.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight + (number - 1) * HOUR

    @property
    def model(self) -> Model:
        return self.sender.model

    @initialize(
        deposits=_SOURCES, bets=_SOURCES, first=_SOURCES, users=st.sets(st.sampled_from(USERS))
    )
    def begin(self, deposits: Source, bets: Source, first: Source, users: set[str]) -> None:
        # Ids of visits hold for 1,024 processes within a millisecond, and each history plays one.
        self.clock.advance(timedelta(milliseconds=1))
        sources = {"deposits": deposits, "bets": bets, "first_deposits": first}
        self.sender = self.runner.run(make_sender(self.clock, sources))
        self._send("register", sorted(users), 1)

    def _send(self, kind: str, batch: Sequence[Any], connections: int) -> None:
        """Send a batch from so many connections: whichever comes first, the others repeat it."""
        if not batch:
            return
        self.sent.append((kind, batch))
        door: Callable[[Sequence[Any]], Any] = getattr(self.sender, kind)
        answer: Callable[[Any], str] = getattr(self.model, kind)
        got = self.runner.run(at_once(*(door(batch) for _ in range(connections))))
        wanted = [[answer(item) for item in batch] for _ in range(connections)]
        assert sorted(got) == sorted(wanted)

    @rule(
        users=st.lists(st.sampled_from(USERS), min_size=1, max_size=3, unique=True),
        connections=st.integers(1, 3),
    )
    def register(self, users: list[str], connections: int) -> None:
        self._send("register", users, connections)

    @rule(data=st.data(), number=_HOURS, connections=st.integers(1, 3))
    def report(self, data: st.DataObject, number: int, connections: int) -> None:
        users = data.draw(st.lists(st.sampled_from(USERS), min_size=1, max_size=3, unique=True))
        batch = [self._item(data, Hour(user, self.hour(number))) for user in users]
        self._send("report", batch, connections)

    def _item(self, data: st.DataObject, where: Hour, revision: int | None = None) -> Report:
        numbers = Numbers(data.draw(st.integers(0, 2)), data.draw(_AMOUNTS), data.draw(_AMOUNTS))
        first = None
        if data.draw(st.booleans()):
            minute = timedelta(minutes=data.draw(st.integers(0, 50)))
            first = (where.start + minute, data.draw(_AMOUNTS))
        chosen = data.draw(_REVISIONS) if revision is None else revision
        return Report(where, numbers, chosen, first)

    @rule(data=st.data(), count=st.integers(1, 4), connections=st.integers(1, 3))
    def tell(self, data: st.DataObject, count: int, connections: int) -> None:
        batch: list[Told] = []
        for _ in range(count):
            batch.append(self._told(data, batch))
        self._send("tell", batch, connections)

    def _told(self, data: st.DataObject, batch: Sequence[Told]) -> Told:
        self.ids += 1
        name = f"e{self.ids}"
        kind = data.draw(
            st.sampled_from(
                (
                    "deposit",
                    "deposit",
                    "bet",
                    "sale",
                    "flag",
                    "registration",
                    "refund",
                    "void",
                    "amend",
                    "amend",
                )
            )
        )
        at = self.hour(data.draw(_HOURS)) + timedelta(minutes=data.draw(st.integers(0, 3)))
        amount = data.draw(_AMOUNTS)
        if kind in {"refund", "void", "amend"}:
            known = [*(kept.told for kept in self.model.events.values()), *batch]
            return self._correction(data, Told(name, kind, at=at, amount=amount), known)
        user = data.draw(st.sampled_from(USERS))
        tagged = data.draw(st.booleans())
        if kind == "registration":
            country = data.draw(st.sampled_from([None, "FI", "NO"]))
            return Told(name, kind, user, at, tagged=tagged, country=country)
        if kind == "flag":
            raised = data.draw(st.booleans())
            return Told(name, kind, user, at, flag="disabled", raised=raised, tagged=tagged)
        if kind == "sale":
            return Told(name, kind, user, at, amount)
        return Told(name, kind, user, at, amount, tagged=tagged)

    def _correction(self, data: st.DataObject, drawn: Told, known: Sequence[Told]) -> Told:
        """A refund, void or amendment of what was sent, maybe in the same batch."""
        of = {"refund": {"sale"}}.get(drawn.type, {"deposit", "bet", "sale", "refund"})
        ids = [told.id for told in known if told.type in of]
        # The newest first: the likeliest to be drawn.
        told = replace(drawn, ref=data.draw(st.sampled_from([*reversed(ids), "nothing"])))
        if told.type == "void":
            return replace(told, at=None, amount=None)
        if told.type == "refund":
            return replace(told, amount=data.draw(st.sampled_from([told.amount, None])))
        says = data.draw(st.sampled_from(["time", "amount", "both"]))
        return replace(
            told,
            at=None if says == "amount" else told.at,
            amount=None if says == "time" else told.amount,
            revision=data.draw(_REVISIONS),
        )

    @precondition(lambda self: any(kind == "report" for kind, _ in self.sent))
    @rule(data=st.data())
    def vary(self, data: st.DataObject) -> None:
        """The item of an hour comes again, of the same revision or none, with another first deposit or none."""
        reports = [batch for kind, batch in self.sent if kind == "report"]
        item: Report = data.draw(st.sampled_from(data.draw(st.sampled_from(reports))))
        first = data.draw(st.sampled_from([None, item.first, (item.place.start, Decimal(1))]))
        revision = data.draw(st.sampled_from([item.revision, None]))
        self._send("report", [replace(item, first=first, revision=revision)], 1)

    @precondition(lambda self: bool(self.sent))
    @rule(data=st.data(), connections=st.integers(1, 3))
    def again(self, data: st.DataObject, connections: int) -> None:
        """What was sent comes again, whole or in part."""
        kind, batch = data.draw(st.sampled_from(self.sent))
        start = data.draw(st.integers(0, len(batch) - 1))
        self._send(kind, batch[start:], connections)

    @rule(data=st.data(), number=_HOURS)
    def several_at_once(self, data: st.DataObject, number: int) -> None:
        """New revisions of one hour and new deposits, each from a connection of its own: any order is right."""
        user = data.draw(st.sampled_from(USERS))
        stored = self.model.rows.get(Hour(user, self.hour(number)))
        newest = (stored.revision or 0) if stored else 0
        items = [
            self._item(data, Hour(user, self.hour(number)), newest + step) for step in (1, 2, 3)
        ]
        self.ids += 2
        deposits = [
            Told(f"e{self.ids - n}", "deposit", user, self.hour(number), data.draw(_AMOUNTS))
            for n in (0, 1)
        ]
        sending = [self.sender.report([item]) for item in items]
        sending += [self.sender.tell([told]) for told in deposits]
        self.runner.run(at_once(*sending))
        for item in items:
            self.model.report(item)
        for told in deposits:
            self.model.tell(told)

    @precondition(lambda self: bool(self.model.players))
    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        """An operator moves a player, from today on."""
        user = data.draw(st.sampled_from(sorted(self.model.players)))
        today: date = self.clock.now().date()
        promos = {self.model.promo, self.sender.other.id} - {self.model.promo_on(user, today)}
        (promo,) = promos
        self.runner.run(self.sender.move(user, promo))
        self.model.moves.setdefault(user, []).append((today, promo))

    @rule()
    def compare(self) -> None:
        """At any moment the facts are those of the model."""
        self.runner.run(self.sender.check())

    def teardown(self) -> None:
        if hasattr(self, "sender"):
            self.runner.run(self.sender.check())
            self.runner.run(self.sender.check_reports(Scope.system(self.clock, "test-request")))


def machine_of(runner: asyncio.Runner, clock: ManualClock) -> type[RuleBasedStateMachine]:
    """The machine whose brand lives in the database to which the runner is connected."""
    return type("ConnectedHistory", (History,), {"runner": runner, "clock": clock})
