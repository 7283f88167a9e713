"""Reading news: partners what is published for them, operators everything (A69)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tortoise.expressions import Subquery
from tortoise.queryset import QuerySet

from app.domain.errors import Conflict, NotFound
from app.domain.news import queries
from app.domain.paging import Listing, Ordering
from app.domain.permissions import Permission, requires
from app.domain.publishers import editable_by, published_to
from app.domain.scope import Scope
from app.infra.database import transaction
from app.models import NewsArticle, NewsReading


class NewsOrder(StrEnum):
    """The orders of news, by the time of publishing."""

    NEWEST = "newest"
    OLDEST = "oldest"


class ArticleOrder(StrEnum):
    """The orders of articles, drafts included, by the time of writing."""

    NEWEST = "newest"
    OLDEST = "oldest"


_ORDERINGS = {
    NewsOrder.NEWEST: Ordering(("published_at",), descending=True),
    NewsOrder.OLDEST: Ordering(("published_at",)),
}
_ARTICLE_ORDERINGS = {
    ArticleOrder.NEWEST: Ordering(("id",), descending=True),
    ArticleOrder.OLDEST: Ordering(("id",)),
}


@dataclass(frozen=True, slots=True)
class NewsFilter:
    """Which news; None filters nothing."""

    brand_id: int | None = None
    unread: bool | None = None


@dataclass(frozen=True, slots=True)
class ArticleFilter:
    """Which articles; None filters nothing."""

    brand_id: int | None = None
    # Whether its time has come.
    published: bool | None = None


@requires(Permission.READ_ACCOUNT)
async def news(scope: Scope, chosen: NewsFilter | None = None) -> Listing[NewsArticle]:
    """What is published for the scope's partner: of the programme and of the brands that accepted it."""
    rows = _published(scope)
    if chosen is not None and chosen.brand_id is not None:
        rows = rows.filter(brand_id=chosen.brand_id)
    if chosen is not None and chosen.unread is not None:
        read = Subquery(_readings(scope).values("article_id"))
        rows = rows.exclude(id__in=read) if chosen.unread else rows.filter(id__in=read)
    return Listing(rows, _ORDERINGS)


@requires(Permission.MANAGE_CONTENT)
async def articles_of_operators(
    scope: Scope, chosen: ArticleFilter | None = None
) -> Listing[NewsArticle]:
    """Every article within the scope's limits, drafts included."""
    rows = scope.query(NewsArticle).filter(editable_by(scope))
    if chosen is not None and chosen.brand_id is not None:
        rows = rows.filter(brand_id=chosen.brand_id)
    if chosen is not None and chosen.published is not None:
        come = scope.query(NewsArticle).filter(published_at__lte=scope.now())
        ids = Subquery(come.values("id"))
        rows = rows.filter(id__in=ids) if chosen.published else rows.exclude(id__in=ids)
    return Listing(rows, _ARTICLE_ORDERINGS)


@requires(Permission.READ_ACCOUNT)
async def unread_count(scope: Scope) -> int:
    """How many published articles the scope's user has not read."""
    return await (await news(scope, NewsFilter(unread=True))).rows.count()


@requires(Permission.READ_ACCOUNT)
async def read_articles(scope: Scope, article_ids: Sequence[int]) -> frozenset[int]:
    """Which of these articles the scope's user has read."""
    rows = _readings(scope).filter(article_id__in=list(article_ids))
    return frozenset(row.article_id for row in await rows)


@requires(Permission.READ_ACCOUNT)
async def mark_read(scope: Scope, article_id: int) -> NewsArticle:
    """Remember that the scope's user has read an article; again changes nothing. Raises NotFound."""
    article = await _published(scope).get_or_none(id=article_id)
    if article is None:
        raise NotFound("article", field=("articleId",))
    await _mark(scope, [article_id])
    return article


@requires(Permission.READ_ACCOUNT)
async def mark_all_read(scope: Scope) -> int:
    """Remember that the scope's user has read everything that is published; how many were unread."""
    rows = await (await news(scope, NewsFilter(unread=True))).rows.only("id")
    await _mark(scope, [row.id for row in rows])
    return len(rows)


async def _mark(scope: Scope, article_ids: list[int]) -> None:
    async with transaction() as tx:
        await tx.fetch(queries.MARK_READ, _reader(scope), article_ids, scope.now())


def _published(scope: Scope) -> QuerySet[NewsArticle]:
    return scope.query(NewsArticle).filter(published_to(scope), published_at__lte=scope.now())


def _readings(scope: Scope) -> QuerySet[NewsReading]:
    return scope.query(NewsReading).filter(user_id=_reader(scope))


def _reader(scope: Scope) -> int:
    if scope.actor.id is None or scope.actor.kind != "partner_user":
        raise Conflict("news are read by users: sign in as one")
    return scope.actor.id
