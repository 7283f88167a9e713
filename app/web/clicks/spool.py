"""The spool: clicks that the database did not take in time, kept in a journal on the local disk until it does.

They are replayed in order and each exactly once, by this process or, when it has died, by another one. Only a full
journal drops clicks, and then they are counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from app.domain.scope import Scope
from app.domain.visits.click import NewFallbackVisit, NewVisit
from app.domain.visits.record import Clicks, record_clicks, record_dropped_clicks
from app.infra.database import DatabaseError, RowRefused
from app.infra.encoding import dumps, loads
from app.infra.journal import Journal, JournalFull, abandoned
from app.infra.telemetry import logger

REPLAY_BATCH = 500
REPLAY_EVERY = 0.25
# How often journals of processes that have died are looked for.
TAKE_OVER_EVERY = 5.0

# A visit with its client address, or one that went to the fallback.
Recordable = tuple[NewVisit, str | None] | NewFallbackVisit
_VISIT, _FALLBACK = "visit", "fallback"


class ClickSpool:
    """The journal of one process, and the replaying of it. `away` says whether clicks go there at this moment."""

    def __init__(self, scope: Scope, directory: Path, limit: int, patience: float) -> None:
        self.away = False
        self.dropped = 0
        self._scope = scope
        self._patience = patience
        self._directory = directory
        self._limit = limit
        self._journal: Journal | None = None
        self._writing = asyncio.Lock()
        self._unreported = 0
        # Commits that nobody waits for any more; they may still succeed.
        self._given_up: set[asyncio.Task[Any]] = set()

    @property
    def has_room(self) -> bool:
        """Whether the journal can take clicks if the database goes away now."""
        try:
            return self._own_journal().has_room
        except OSError:
            return False

    def left_alone(self, task: asyncio.Task[Any]) -> None:
        """Wait no more for a commit that hangs, but let it end."""
        self._given_up.add(task)

        def forget(ended: asyncio.Task[Any]) -> None:
            self._given_up.discard(ended)
            if not ended.cancelled():
                ended.exception()

        task.add_done_callback(forget)

    async def write_down(self, clicks: Sequence[Recordable]) -> None:
        """Keep clicks on the disk; what finds no room is dropped and counted."""
        entries = []
        for click in clicks:
            try:
                entries.append(_encode(click))
            except (TypeError, ValueError) as error:
                self._drop(1, f"the journal cannot hold it: {error}")
        async with self._writing:
            refused, reason = await asyncio.to_thread(self._append, entries)
        if refused:
            self._drop(refused, reason)

    def _append(self, entries: Sequence[bytes]) -> tuple[int, str]:
        """Append what finds room; how many found none, and why."""
        try:
            self._own_journal().append(entries)
        except JournalFull as error:
            if len(entries) <= 1:
                return len(entries), str(error)
        except OSError as error:
            return len(entries), str(error)
        else:
            return 0, ""
        # The first of them may still have room.
        half = len(entries) // 2
        first, reason = self._append(entries[:half])
        second, later = self._append(entries[half:])
        return first + second, later or reason

    def _drop(self, count: int, reason: str) -> None:
        self.dropped += count
        self._unreported += count
        logger().error("clicks.dropped", clicks=count, reason=reason)

    def _own_journal(self) -> Journal:
        if self._journal is None:
            self._journal = Journal.create(self._directory, self._limit)
        return self._journal

    async def close(self) -> None:
        """Replay what can be replayed now, and let go of the journal; what stays, the next process replays."""
        for task in self._given_up:
            task.cancel()
        try:
            async with asyncio.timeout(self._patience):
                await self._come_back()
        except (DatabaseError, TimeoutError) as error:
            logger().warning("clicks.left_in_journal", reason=str(error) or type(error).__name__)
        if self._journal is not None:
            self._journal.close()

    async def replay_for_ever(self) -> None:
        """Bring to the database what is in the journal, and in journals of processes that have died."""
        loop = asyncio.get_running_loop()
        look_at = loop.time()
        while True:
            try:
                await self._come_back()
                if loop.time() >= look_at and not self.away:
                    look_at = loop.time() + TAKE_OVER_EVERY
                    await self._take_over()
            except DatabaseError:
                self.away = True
            except Exception:
                # Such as a database that only reads: it may pass, and until then the journal takes the clicks.
                self.away = True
                logger().exception("clicks.replay_failed")
                await asyncio.sleep(TAKE_OVER_EVERY)
            await asyncio.sleep(REPLAY_EVERY)

    async def _come_back(self) -> None:
        """Replay what this process has written down, and report what it could not."""
        if self._journal is not None and self._journal.size:
            await self._replay(self._journal)
        elif self.away:
            # Even the journal has taken nothing: ask whether the database is back.
            await self._apply([])
            self.away = False
        if (unreported := self._unreported) and not self.away:
            await record_dropped_clicks(self._scope, unreported)
            self._unreported -= unreported

    async def _take_over(self) -> None:
        """Replay the journals of processes that have died."""
        for journal in abandoned(self._directory, self._limit):
            replayed = False
            try:
                await self._replay(journal)
                replayed = True
            finally:
                if not replayed:
                    journal.close()
                elif journal.size:
                    left = journal.set_aside()
                    logger().error("clicks.journal_damaged", path=str(left), size=journal.size)
                else:
                    journal.delete()

    async def _replay(self, journal: Journal) -> None:
        """Bring all entries to the database, in order. Raises DatabaseError when it is away; nothing is forgotten.

        The journal is empty then, unless what follows the last entry is damaged.
        """
        offset, count = 0, 0
        while True:
            before = offset
            entries, offset = await asyncio.to_thread(journal.read, offset, REPLAY_BATCH)
            if entries:
                await self._apply(self._decoded(entries))
                # It takes clicks again: new ones need not wait for the old ones.
                self.away = False
            count += len(entries)
            async with self._writing:
                if journal.size == offset:
                    journal.clear()
                    break
            if offset == before and not journal.read(offset, 1)[0]:
                self._leave(journal)
                break
        if count:
            logger().info("clicks.replayed", clicks=count)

    def _leave(self, journal: Journal) -> None:
        """Write no more into a journal that is damaged; whoever takes it over sets it aside."""
        if journal is self._journal:
            self._journal = None
            journal.close()

    async def _apply(self, clicks: Sequence[Recordable]) -> None:
        """Commit clicks of which some may be there. Raises what the database said, unless it is about a click."""
        task = asyncio.create_task(record_clicks(self._scope, sorted_clicks(clicks)))
        # Patient: a database that has just come back may be slow.
        done, _ = await asyncio.wait({task}, timeout=self._patience * 10)
        if not done:
            self.left_alone(task)
            raise DatabaseError("no answer in time")
        error = task.exception()
        if error is None:
            return
        if not clicks or not isinstance(error, RowRefused):
            raise error
        # Nothing that a visitor sends may stop the clicks behind it.
        if len(clicks) == 1:
            self._drop(1, f"the database refuses it: {error}")
            return
        half = len(clicks) // 2
        await self._apply(clicks[:half])
        await self._apply(clicks[half:])

    def _decoded(self, entries: Sequence[bytes]) -> list[Recordable]:
        clicks: list[Recordable] = []
        for entry in entries:
            try:
                clicks.append(_decode(entry))
            except (ValueError, TypeError, LookupError, AttributeError) as error:
                self._drop(1, f"this version cannot read it: {error!r}")
        return clicks


def sorted_clicks(batch: Sequence[Recordable]) -> Clicks:
    """The clicks by kind, in their order."""
    clicks = Clicks()
    for click in batch:
        if isinstance(click, NewFallbackVisit):
            clicks.fallbacks.append(click)
        else:
            clicks.visits.append(click)
    return clicks


def _encode(click: Recordable) -> bytes:
    if isinstance(click, NewFallbackVisit):
        return dumps([_FALLBACK, click._asdict()])
    visit, ip = click
    return dumps([_VISIT, visit._asdict(), ip])


def _decode(entry: bytes) -> Recordable:
    kind, values, *ip = loads(entry)
    values["occurred_at"] = datetime.fromisoformat(values["occurred_at"])
    if kind == _FALLBACK:
        return NewFallbackVisit(**_known(NewFallbackVisit._fields, values))
    values["business_day"] = date.fromisoformat(values["business_day"])
    values["attributable_until"] = datetime.fromisoformat(values["attributable_until"])
    return NewVisit(**_known(NewVisit._fields, values)), ip[0]


def _known(columns: Sequence[str], values: dict[str, Any]) -> dict[str, Any]:
    """What this version has columns for: a journal may be of the version before or after."""
    return {column: values.get(column) for column in columns}
