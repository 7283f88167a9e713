"""A69: news: who sees what from when, what is unread, and what operators may do with an article."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.errors import Conflict, Forbidden, Invalid, NotFound
from app.domain.news.commands import (
    create_article,
    delete_article,
    edit_article,
    publish_article,
    unpublish_article,
)
from app.domain.news.reads import (
    ArticleFilter,
    NewsFilter,
    articles_of_operators,
    mark_all_read,
    mark_read,
    news,
    unread_count,
)
from app.domain.permissions import StaffRole
from app.domain.scope import Actor, Scope
from app.infra.clock import ManualClock
from app.models import Affiliation, Event, NewsArticle, NewsReading, Partner
from app.schema.markdown import html_of
from app.settings import Settings
from tests.conftest import NOW
from tests.factories import (
    make_brand,
    make_partner,
    make_partner_user,
    partner_scope,
    staff_scope,
)


@pytest.fixture
async def partner(database: Settings, clock: ManualClock) -> Partner:
    return await make_partner(clock, await make_brand(clock))


@pytest.fixture
async def reader(partner: Partner, clock: ManualClock) -> Scope:
    return await _user(partner, clock)


@pytest.fixture
def writer(clock: ManualClock) -> Scope:
    return staff_scope(clock, StaffRole.CONTENT)


async def _user(partner: Partner, clock: ManualClock) -> Scope:
    user = await make_partner_user(partner, clock)
    return replace(partner_scope(partner, clock), actor=Actor("partner_user", user.id))


async def _published(writer: Scope, title: str = "News", brand_id: int | None = None) -> int:
    article = await create_article(writer, title, "Body.", brand_id)
    return int((await publish_article(writer, article.id)).id)


async def _seen(reader: Scope, chosen: NewsFilter | None = None) -> list[int]:
    return [row.id for row in await (await news(reader, chosen)).rows.order_by("id")]


async def test_a69_a_draft_is_seen_by_operators_alone(reader: Scope, writer: Scope) -> None:
    draft = await create_article(writer, "News", "Body.", None)
    assert await _seen(reader) == []
    assert [row.id for row in await (await articles_of_operators(writer)).rows] == [draft.id]


async def test_a69_a_published_article_is_seen_until_it_is_taken_back(
    reader: Scope, writer: Scope
) -> None:
    article_id = await _published(writer)
    assert await _seen(reader) == [article_id]
    await unpublish_article(writer, article_id)
    assert await _seen(reader) == []


async def test_a69_an_article_with_a_time_to_come_is_seen_from_then_on(
    reader: Scope, writer: Scope, clock: ManualClock
) -> None:
    article = await create_article(writer, "News", "Body.", None)
    await publish_article(writer, article.id, NOW + timedelta(hours=1))
    assert await _seen(reader) == []
    waiting = ArticleFilter(published=False)
    assert await (await articles_of_operators(writer, waiting)).rows.count() == 1
    clock.at = NOW + timedelta(hours=1)
    assert await _seen(reader) == [article.id]
    assert await (await articles_of_operators(writer, waiting)).rows.count() == 0


async def test_a69_a_time_that_has_passed_is_refused(reader: Scope, writer: Scope) -> None:
    article = await create_article(writer, "News", "Body.", None)
    with pytest.raises(Invalid) as refusal:
        await publish_article(writer, article.id, NOW - timedelta(seconds=1))
    assert refusal.value.field == ("at",)


@pytest.mark.parametrize("state", ["pending", "rejected", "suspended", "deleted", "accepted"])
async def test_a69_news_of_a_brand_are_for_partners_that_it_accepted(
    partner: Partner, reader: Scope, writer: Scope, clock: ManualClock, state: str
) -> None:
    brand = await make_brand(clock)
    await Affiliation.create(partner=partner, brand=brand, state=state, created_at=NOW)
    article_id = await _published(writer, brand_id=brand.id)
    assert await _seen(reader) == ([article_id] if state == "accepted" else [])
    if state != "accepted":
        with pytest.raises(NotFound):
            await mark_read(reader, article_id)


async def test_a69_reading_is_each_users_own(
    partner: Partner, reader: Scope, writer: Scope, clock: ManualClock
) -> None:
    first, second = [await _published(writer, title) for title in ("One", "Two")]
    teammate = await _user(partner, clock)
    await mark_read(reader, first)
    await mark_read(reader, first)
    assert (await unread_count(reader), await unread_count(teammate)) == (1, 2)
    assert await _seen(reader, NewsFilter(unread=True)) == [second]
    assert await _seen(reader, NewsFilter(unread=False)) == [first]
    assert await mark_all_read(reader) == 1
    assert (await unread_count(reader), await unread_count(teammate)) == (0, 2)
    assert await mark_all_read(reader) == 0


async def test_a69_an_article_that_is_read_twice_at_once_is_read_once(
    reader: Scope, writer: Scope
) -> None:
    article_id = await _published(writer)
    await asyncio.gather(*(mark_read(reader, article_id) for _ in range(5)))
    assert await NewsReading.all().count() == 1


async def test_a69_a_published_article_is_not_deleted_a_draft_is_with_its_readings(
    reader: Scope, writer: Scope
) -> None:
    article_id = await _published(writer)
    await mark_read(reader, article_id)
    with pytest.raises(Conflict, match="take it back before"):
        await delete_article(writer, article_id)
    await unpublish_article(writer, article_id)
    await delete_article(writer, article_id)
    assert await NewsArticle.all().count() == 0
    with pytest.raises(NotFound):
        await edit_article(writer, article_id, title="Gone", body=None)


async def test_a69_of_two_who_publish_at_once_one_does(reader: Scope, writer: Scope) -> None:
    article = await create_article(writer, "News", "Body.", None)
    results = await asyncio.gather(
        *(publish_article(writer, article.id) for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(item, Conflict) for item in results) == 3
    assert await Event.filter(type="news.published").count() == 1


async def test_a69_each_change_is_an_event_with_what_and_who(reader: Scope, writer: Scope) -> None:
    article = await create_article(writer, " One ", "Body.", None)
    await edit_article(writer, article.id, title="Two", body=None)
    await edit_article(writer, article.id, title="Two", body="Body.")
    await publish_article(writer, article.id)
    await unpublish_article(writer, article.id)
    await delete_article(writer, article.id)
    events = await Event.filter(subject_type="news_article").order_by("id")
    assert [event.type for event in events] == [
        f"news.{verb}" for verb in ("created", "edited", "published", "unpublished", "deleted")
    ]
    assert events[1].data == {"changed": ["title"], "before": {"title": "One"}}
    assert {(event.actor_type, event.partner_id) for event in events} == {("operator_user", None)}


@pytest.mark.parametrize(
    ("title", "body", "field"),
    [
        ("", "Body.", "title"),
        ("x" * 201, "Body.", "title"),
        ("News", " \n ", "body"),
        ("News", "x" * 50_001, "body"),
        ("News", "a\x00b", "body"),
    ],
)
async def test_a69_bad_texts_are_refused_naming_the_field(
    reader: Scope, writer: Scope, title: str, body: str, field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        await create_article(writer, title, body, None)
    assert refusal.value.field == (field,)


async def test_a69_who_may_not_manage_content_is_refused(reader: Scope, clock: ManualClock) -> None:
    for scope in (reader, staff_scope(clock, StaffRole.SUPPORT)):
        with pytest.raises(Forbidden):
            await create_article(scope, "News", "Body.", None)


async def test_a69_a_writer_of_some_brands_writes_for_those_alone(
    reader: Scope, clock: ManualClock
) -> None:
    mine, other = await make_brand(clock), await make_brand(clock)
    limited = staff_scope(clock, StaffRole.CONTENT, frozenset({mine.id}))
    article = await create_article(limited, "News", "Body.", mine.id)
    with pytest.raises(NotFound):
        await create_article(limited, "News", "Body.", other.id)
    with pytest.raises(Forbidden):
        await create_article(limited, "News", "Body.", None)
    foreign = await create_article(staff_scope(clock, StaffRole.CONTENT), "News", "Body.", other.id)
    with pytest.raises(NotFound):
        await publish_article(limited, foreign.id)
    assert [row.id for row in await (await articles_of_operators(limited)).rows] == [article.id]


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("**bold**", "<p><strong>bold</strong></p>\n"),
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n"),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>\n"),
        ("![x](data:text/html,x)", "<p>![x](data:text/html,x)</p>\n"),
        ('[x](https://a.example/"onclick=1)', None),
    ],
)
def test_a69_the_html_of_a_text_holds_no_tags_and_no_scripts_of_its_writer(
    markdown: str, html: str | None
) -> None:
    rendered = html_of(markdown)
    assert html is None or rendered == html
    assert '"onclick' not in rendered
