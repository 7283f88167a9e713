"""Which postbacks an event concerns, and what would be sent for it: the same for planning, previews and replays."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from app.domain.events import LoggedEvent
from app.domain.postbacks import delivery_queries as queries
from app.domain.postbacks.actions import ACTION_OF_EVENT, Action
from app.domain.postbacks.template import Unresolved, as_sent, render
from app.domain.postbacks.values import Circumstances, player_of, variables
from app.infra.database import Row
from app.models import Postback

# What one delivery can hold. Templates are checked, but the values of a link's tags come from anybody.
LONGEST_URL = 8_000
TOO_LONG = f"the URL would be longer than {LONGEST_URL} characters"
_LONGEST_HOST = 255

Fetch = Callable[..., Awaitable[list[Row]]]


@dataclass(frozen=True, slots=True)
class Rendered:
    """What one postback sends for one event."""

    postback_id: int
    partner_id: int
    event: LoggedEvent
    action: Action
    method: str
    url: str
    promo: Row

    @property
    def url_hash(self) -> str:
        """What makes identical URLs of one event one delivery (A13)."""
        return hashlib.sha256(self.url.encode()).hexdigest()

    @property
    def host(self) -> str:
        """Whom it calls, with the port."""
        return host_of(self.url)

    @property
    def player_id(self) -> int | None:
        """Whose order it keeps."""
        return player_of(self.event)


def host_of(url: str) -> str:
    """The host of a URL with its port, in lower case; empty for what has none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()[:_LONGEST_HOST]
    except ValueError:
        return ""


async def read_circumstances(
    fetch: Fetch, events: Sequence[LoggedEvent]
) -> dict[int, Circumstances]:
    """What is known around each event whose promo is there, by event id."""
    promos = await _by_id(fetch, queries.FIND_CONTEXTS, _ids(events, "promo_id"), "promo_id")
    player_ids = {player for event in events if (player := player_of(event)) is not None}
    players = await _by_id(fetch, queries.FIND_PLAYERS, player_ids)
    visits = await _by_id(fetch, queries.FIND_VISITS, _ids(events, "visit_id"))
    return {
        event.id: Circumstances(
            promos[event.data["promo_id"]],
            visits.get(event.data.get("visit_id")),
            players.get(player_of(event)),
        )
        for event in events
        if event.data.get("promo_id") in promos
    }


def _ids(events: Sequence[LoggedEvent], name: str) -> set[int]:
    return {event.data[name] for event in events if event.data.get(name) is not None}


async def _by_id(fetch: Fetch, sql: str, ids: set[int], column: str = "id") -> dict[Any, Row]:
    if not ids:
        return {}
    return {row[column]: row for row in await fetch(sql, sorted(ids))}


def matches(postback: Row, event: LoggedEvent, promo: Row) -> bool:
    """Whether a postback is for this event: its partner's, its action's, and of its account, campaign or promo."""
    return (
        postback["partner_id"] == event.partner_id
        and postback["action"] in {ACTION_OF_EVENT[event.type], Action.ANY}
        and postback["campaign_id"] in {None, promo["campaign_id"]}
        and postback["promo_id"] in {None, promo["promo_id"]}
    )


def rendered(
    postbacks: Sequence[Row], event: LoggedEvent, around: Circumstances
) -> Iterator[Rendered]:
    """What each matching postback sends for the event."""
    matching = [postback for postback in postbacks if matches(postback, event, around.promo)]
    values = variables(event, around) if matching else {}
    for postback in matching:
        yield _rendered(postback, event, around, values)


def render_for(postback: Postback, event: LoggedEvent, around: Circumstances) -> Rendered:
    """What one postback sends for the event, whether it matches or not."""
    row = {name: getattr(postback, name) for name in _COLUMNS}
    return _rendered(row, event, around, variables(event, around))


_COLUMNS = ("id", "partner_id", "method", "url", "unresolved")


def _rendered(
    postback: Row, event: LoggedEvent, around: Circumstances, values: dict[str, str]
) -> Rendered:
    return Rendered(
        postback["id"],
        postback["partner_id"],
        event,
        ACTION_OF_EVENT[event.type],
        postback["method"],
        as_sent(render(postback["url"], values, Unresolved(postback["unresolved"]))),
        around.promo,
    )
