"""Links kept in memory: a click asks the database only for a link that it does not know, and hears of every change."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

from app.infra.database import DatabaseError

MOST_LINKS = 50_000
# After so many times the patience, a question that hangs is given up.
_GIVEN_UP = 10
# Whatever is asked for and is no link. They are apart, so that guessing codes pushes no link out.
MOST_UNKNOWN = 10_000


class Sourced(Protocol):
    """Something that was made of rows, named as `table:key`."""

    @property
    def sources(self) -> frozenset[str]: ...


Kept = TypeVar("Kept", bound=Sourced)


class LinksAway(Exception):
    """The database does not answer, and the link is not in memory."""


@dataclass(slots=True)
class _Entry(Generic[Kept]):
    link: Kept
    # In which epoch it was looked up; it is certain only in that one.
    epoch: int


class LinkCache(Generic[Kept]):
    """The links of one process. `hearing` says whether every change is being heard of at this moment."""

    def __init__(self, hearing: Callable[[], bool], patience: float) -> None:
        self._hearing = hearing
        self._patience = patience
        self._links: OrderedDict[Hashable, _Entry[Kept]] = OrderedDict()
        self._unknown: OrderedDict[Hashable, int] = OrderedDict()
        # Which links were made of a row.
        self._made_of: dict[str, set[Hashable]] = {}
        # Raised when changes may have been missed, and `_changes` with each change.
        self._epoch = 0
        self._changes = 0
        self._under_way: dict[Hashable, asyncio.Task[Kept | None]] = {}
        self._hanging: asyncio.Task[Kept | None] | None = None
        self._hanging_until = 0.0

    def __len__(self) -> int:
        return len(self._links)

    def get(self, key: Hashable) -> Kept | None:
        """The link when it is certain, without waiting."""
        found = self._links.get(key)
        if found is None or found.epoch != self._epoch or not self._hearing():
            return None
        return found.link

    async def find(self, key: Hashable, find: Callable[[], Awaitable[Kept | None]]) -> Kept | None:
        """The link, from memory or by `find`. While the database is away: as it was known last.

        Raises LinksAway when it is not known either.
        """
        if (link := self.get(key)) is not None:
            return link
        if self._unknown.get(key) == self._epoch and self._hearing():
            return None
        try:
            return await self._ask(key, find)
        except Exception as error:
            if (kept := self._links.get(key)) is not None:
                return kept.link
            if isinstance(error, DatabaseError):
                raise LinksAway from None
            raise

    async def _ask(self, key: Hashable, find: Callable[[], Awaitable[Kept | None]]) -> Kept | None:
        if self._is_hanging():
            # One question is enough to learn that the database has come back.
            raise DatabaseError("the database does not answer")
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(self._look_up(key, find))
            self._under_way[key] = task
            task.add_done_callback(partial(self._ended, key))
        done, _ = await asyncio.wait({task}, timeout=self._patience)
        if not done:
            if not self._is_hanging():
                self._hanging = task
                self._hanging_until = asyncio.get_running_loop().time() + _GIVEN_UP * self._patience
            raise DatabaseError("the database does not answer")
        return task.result()

    def _is_hanging(self) -> bool:
        if self._hanging is None or self._hanging.done():
            return False
        if asyncio.get_running_loop().time() < self._hanging_until:
            return True
        # Its connection may be dead without anybody having said so: ask anew, on another.
        for key, task in list(self._under_way.items()):
            del self._under_way[key]
            task.cancel()
        self._hanging = None
        return False

    def _ended(self, key: Hashable, task: asyncio.Task[Kept | None]) -> None:
        if self._under_way.get(key) is task:
            del self._under_way[key]
        if not task.cancelled():
            # Whoever waited may be gone.
            task.exception()

    async def _look_up(
        self, key: Hashable, find: Callable[[], Awaitable[Kept | None]]
    ) -> Kept | None:
        changes, epoch = self._changes, self._epoch
        link = await find()
        if changes != self._changes:
            # It may have been read before the change: use it for this click only.
            return link
        if link is None:
            self._keep_unknown(key, epoch)
        else:
            self._keep(key, link, epoch)
        return link

    def _keep(self, key: Hashable, link: Kept, epoch: int) -> None:
        self._forget(key)
        self._links[key] = _Entry(link, epoch)
        for source in link.sources:
            self._made_of.setdefault(source, set()).add(key)
        if len(self._links) > MOST_LINKS:
            self._forget(next(iter(self._links)))

    def _keep_unknown(self, key: Hashable, epoch: int) -> None:
        self._forget(key)
        self._unknown[key] = epoch
        self._unknown.move_to_end(key)
        if len(self._unknown) > MOST_UNKNOWN:
            self._unknown.popitem(last=False)

    def _forget(self, key: Hashable) -> None:
        kept = self._links.pop(key, None)
        if kept is None:
            return
        for source in kept.link.sources:
            keys = self._made_of[source]
            keys.discard(key)
            if not keys:
                del self._made_of[source]

    def heard(self, source: str) -> None:
        """A row has changed: forget the links that were made of it, and what was unknown, which it may have made."""
        self._changes += 1
        for key in list(self._made_of.get(source, ())):
            self._forget(key)
        self._unknown.clear()

    def deaf(self) -> None:
        """Changes may have been missed: everything must be looked up again, though it may serve in an outage."""
        self._changes += 1
        self._epoch += 1
        self._unknown.clear()
