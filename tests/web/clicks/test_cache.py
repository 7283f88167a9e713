"""Links kept in memory: asked for once, forgotten at every change, served as last known while the database is away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.infra.database import DatabaseError, DatabaseUnavailable
from app.web.clicks.cache import MOST_LINKS, MOST_UNKNOWN, LinkCache, LinksAway


@dataclass(frozen=True, slots=True)
class Row:
    """A link as it was read: which version, and of which rows."""

    version: int
    sources: frozenset[str]


@dataclass(slots=True)
class Programme:
    """The rows as the database has them, and how it answers."""

    versions: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    error: Exception | None = None
    # Answers wait for this, after the row was read.
    gate: asyncio.Event | None = None

    def finding(self, key: str) -> Callable[[], Any]:
        async def find() -> Row | None:
            self.asked.append(key)
            version = self.versions.get(key)
            if self.error is not None:
                raise self.error
            if self.gate is not None:
                await self.gate.wait()
            return None if version is None else Row(version, frozenset({f"promos:{key}"}))

        return find


@dataclass(slots=True)
class Ear:
    hearing: bool = True


def made(patience: float = 5.0) -> tuple[LinkCache[Row], Programme, Ear]:
    ear = Ear()
    return LinkCache(lambda: ear.hearing, patience), Programme({"a": 1, "b": 1}), ear


async def ask(cache: LinkCache[Row], programme: Programme, key: str) -> int | None:
    found = await cache.find(key, programme.finding(key))
    return found.version if found else None


async def test_a_link_is_looked_up_once_and_so_is_an_unknown_code() -> None:
    cache, programme, _ = made()

    answers = [await ask(cache, programme, key) for key in ("a", "a", "x", "x")]

    assert answers == [1, 1, None, None]
    assert programme.asked == ["a", "x"]


async def test_clicks_of_one_moment_share_one_question() -> None:
    cache, programme, _ = made()
    programme.gate = asyncio.Event()
    asking = asyncio.gather(*(ask(cache, programme, key) for key in "aabbaab"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    programme.gate.set()

    assert await asking == [1] * 7
    assert sorted(programme.asked) == ["a", "b"]


async def test_a_visitor_who_leaves_does_not_end_the_question_of_the_others() -> None:
    cache, programme, _ = made()
    programme.gate = asyncio.Event()
    leaving = asyncio.create_task(ask(cache, programme, "a"))
    staying = asyncio.create_task(ask(cache, programme, "a"))
    await asyncio.sleep(0.01)
    leaving.cancel()
    programme.gate.set()

    assert await staying == 1
    assert programme.asked == ["a"]


async def test_a_change_of_a_row_concerns_the_links_made_of_it_alone() -> None:
    cache, programme, _ = made()
    for key in "ab":
        await ask(cache, programme, key)
    programme.versions["a"] = 2

    cache.heard("promos:a")

    assert [await ask(cache, programme, key) for key in "ab"] == [2, 1]
    assert programme.asked == ["a", "b", "a"]


async def test_any_change_makes_unknown_codes_be_asked_for_again() -> None:
    cache, programme, _ = made()
    await ask(cache, programme, "new")
    programme.versions["new"] = 1

    cache.heard("promos:new")

    assert await ask(cache, programme, "new") == 1


async def test_a_change_during_a_look_up_keeps_its_answer_from_being_kept() -> None:
    """It may have been read before the change."""
    cache, programme, _ = made()
    programme.gate = asyncio.Event()
    asking = asyncio.create_task(ask(cache, programme, "a"))
    await asyncio.sleep(0.01)
    programme.versions["a"] = 2
    cache.heard("promos:a")
    programme.gate.set()

    assert await asking == 1
    assert await ask(cache, programme, "a") == 2


async def test_a_code_that_is_made_during_its_look_up_is_not_kept_as_unknown() -> None:
    cache, programme, _ = made()
    programme.gate = asyncio.Event()
    asking = asyncio.create_task(ask(cache, programme, "new"))
    await asyncio.sleep(0.01)
    programme.versions["new"] = 1
    cache.heard("promos:new")
    programme.gate.set()

    assert await asking is None
    assert await ask(cache, programme, "new") == 1


async def test_while_changes_are_not_heard_every_click_asks() -> None:
    cache, programme, ear = made()
    await ask(cache, programme, "a")
    ear.hearing = False

    programme.versions["a"] = 2
    assert await ask(cache, programme, "a") == 2
    programme.versions["a"] = 3
    assert await ask(cache, programme, "a") == 3


async def test_what_was_known_before_deafness_is_asked_for_again() -> None:
    cache, programme, _ = made()
    await ask(cache, programme, "a")
    programme.versions["a"] = 2

    cache.deaf()

    assert await ask(cache, programme, "a") == 2
    assert await ask(cache, programme, "a") == 2
    assert programme.asked == ["a", "a"]


async def test_what_was_asked_during_deafness_is_not_kept() -> None:
    cache, programme, _ = made()
    programme.gate = asyncio.Event()
    asking = asyncio.create_task(ask(cache, programme, "a"))
    await asyncio.sleep(0.01)
    cache.deaf()
    programme.versions["a"] = 2
    programme.gate.set()

    assert await asking == 1
    assert await ask(cache, programme, "a") == 2


@pytest.mark.parametrize("error", [DatabaseUnavailable("gone"), RuntimeError("disk full")])
async def test_a_link_serves_as_it_was_known_last_while_the_database_is_away_a10(
    error: Exception,
) -> None:
    cache, programme, ear = made()
    await ask(cache, programme, "a")
    ear.hearing = False
    cache.deaf()
    programme.error = error

    assert await ask(cache, programme, "a") == 1


async def test_a_link_that_is_not_known_is_away_with_the_database() -> None:
    cache, programme, _ = made()
    programme.error = DatabaseUnavailable("gone")

    with pytest.raises(LinksAway):
        await ask(cache, programme, "a")
    programme.error = None

    assert await ask(cache, programme, "a") == 1


async def test_a_link_that_is_gone_after_an_outage_is_no_link() -> None:
    cache, programme, _ = made()
    await ask(cache, programme, "a")
    cache.deaf()
    del programme.versions["a"]

    assert await ask(cache, programme, "a") is None
    programme.error = DatabaseUnavailable("gone")
    cache.deaf()
    with pytest.raises(LinksAway):
        await ask(cache, programme, "a")


async def test_a_database_that_hangs_is_waited_for_once_and_asked_one_question() -> None:
    cache, programme, _ = made(patience=0.05)
    await ask(cache, programme, "b")
    cache.deaf()
    programme.gate = asyncio.Event()
    with pytest.raises(LinksAway):
        await ask(cache, programme, "a")

    started = asyncio.get_running_loop().time()
    for _ in range(100):
        assert await ask(cache, programme, "b") == 1
        with pytest.raises(LinksAway):
            await ask(cache, programme, "a")
    assert asyncio.get_running_loop().time() - started < 0.3
    assert programme.asked == ["b", "a"]

    programme.gate.set()
    await asyncio.sleep(0.01)
    assert await ask(cache, programme, "a") == 1


async def test_a_question_that_hangs_for_long_is_given_up_for_another() -> None:
    """Its connection may be dead without anybody having said so."""
    cache, programme, _ = made(patience=0.02)
    programme.gate = asyncio.Event()
    with pytest.raises(LinksAway):
        await ask(cache, programme, "a")
    programme.gate = None

    async with asyncio.timeout(10):
        while True:
            try:
                assert await ask(cache, programme, "a") == 1
                break
            except LinksAway:
                await asyncio.sleep(0.01)
    assert programme.asked == ["a", "a"]


async def test_guessed_codes_push_no_link_out() -> None:
    cache, programme, _ = made()
    await ask(cache, programme, "a")
    for n in range(MOST_UNKNOWN + 1):
        await ask(cache, programme, f"guess{n}")
    programme.asked.clear()

    assert await ask(cache, programme, "a") == 1
    await ask(cache, programme, f"guess{MOST_UNKNOWN}")
    assert programme.asked == []
    await ask(cache, programme, "guess0")
    assert programme.asked == ["guess0"]


async def test_no_more_links_are_kept_than_the_bound() -> None:
    cache, programme, _ = made()
    programme.versions = {f"link{n}": n for n in range(MOST_LINKS + 100)}
    for key in programme.versions:
        await ask(cache, programme, key)
    # A change of what was pushed out finds nothing.
    cache.heard("promos:link0")

    assert len(cache) == len(cache._made_of) == MOST_LINKS


_KEYS = st.sampled_from(["a", "b", "c"])
_STEPS = st.one_of(
    st.tuples(st.just("ask"), _KEYS),
    st.tuples(st.just("change"), _KEYS),
    st.tuples(st.just("remove"), _KEYS),
    st.tuples(st.sampled_from(["lose", "listen", "break", "mend"]), st.just("")),
)


@given(st.lists(_STEPS, max_size=60))
@settings(deadline=None)
def test_whatever_happens_an_answer_is_the_present_one_or_the_last_known_of_an_outage(
    steps: list[tuple[str, str]],
) -> None:
    async def play() -> None:
        cache, programme, ear = made()
        last: dict[str, int | None] = {}
        for step, key in steps:
            match step:
                case "change":
                    programme.versions[key] = programme.versions.get(key, 0) + 10
                case "remove":
                    programme.versions.pop(key, None)
                case "lose":
                    ear.hearing = False
                    cache.deaf()
                case "listen":
                    cache.deaf()
                    ear.hearing = True
                case "break":
                    programme.error = DatabaseError("away")
                case "mend":
                    programme.error = None
            if step in {"change", "remove"} and ear.hearing:
                cache.heard(f"promos:{key}")
                last.pop(key, None)
            if step == "ask":
                present = programme.versions.get(key)
                try:
                    answer = await ask(cache, programme, key)
                except LinksAway:
                    assert programme.error is not None
                    assert last.get(key) is None
                    continue
                assert answer == (last.get(key, present) if programme.error else present)
                last[key] = answer

    asyncio.run(play())
