"""What operators do with news: write, edit, publish, take back, delete (A69)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from app.domain.errors import Conflict, Invalid, NotFound
from app.domain.events import Subject, record
from app.domain.news import queries
from app.domain.news.reads import articles_of_operators
from app.domain.permissions import Permission, requires
from app.domain.publishers import clean_text, require_publisher
from app.domain.scope import Scope
from app.domain.text import clean_name
from app.infra.database import Row, Transaction, transaction
from app.models import NewsArticle

LONGEST_TITLE = 200


@requires(Permission.MANAGE_CONTENT)
async def create_article(scope: Scope, title: str, body: str, brand_id: int | None) -> NewsArticle:
    """Write a draft for the programme, or for a brand; the body is Markdown. Raises Invalid, NotFound, Forbidden."""
    named, text = clean_name(title, "title", LONGEST_TITLE), clean_text(body, "body")
    await require_publisher(scope, brand_id)
    async with transaction() as tx:
        rows = await tx.fetch(queries.INSERT, brand_id, named, text, scope.now())
        article_id = int(rows[0]["id"])
        await _record(scope, tx, "created", article_id, brand_id, {"title": named})
    return await _article(scope, article_id)


@requires(Permission.MANAGE_CONTENT)
async def edit_article(
    scope: Scope, article_id: int, *, title: str | None, body: str | None
) -> NewsArticle:
    """Change a draft or a published article; None leaves a part as it is. Raises NotFound, Invalid."""
    article = await _article(scope, article_id)
    named = None if title is None else clean_name(title, "title", LONGEST_TITLE)
    text = None if body is None else clean_text(body, "body")
    async with transaction() as tx:
        row = await _locked(tx, article_id)
        after = {"title": named or row["title"], "body": text or row["body"]}
        changed = sorted(name for name, value in after.items() if value != row[name])
        if changed:
            await tx.fetch(queries.EDIT, article_id, after["title"], after["body"])
            data = {"changed": changed, "before": {name: row[name] for name in changed}}
            await _record(scope, tx, "edited", article_id, article.brand_id, data)
    return await _article(scope, article_id)


@requires(Permission.MANAGE_CONTENT)
async def publish_article(scope: Scope, article_id: int, at: datetime | None = None) -> NewsArticle:
    """Show a draft to partners, now or from a time to come on (UTC).

    Raises NotFound, Invalid for a time that has passed, Conflict when it is published already.
    """
    article, now = await _article(scope, article_id), scope.now()
    if at is not None and at < now:
        raise Invalid("the time has passed: leave it out to publish at once", field=("at",))
    async with transaction() as tx:
        if (await _locked(tx, article_id))["published_at"] is not None:
            raise Conflict(
                "the article is published already: take it back to publish it at another time",
                field=("articleId",),
            )
        await tx.fetch(queries.SET_PUBLISHED, article_id, at or now)
        data = {"published_at": (at or now).isoformat()}
        await _record(scope, tx, "published", article_id, article.brand_id, data)
    return await _article(scope, article_id)


@requires(Permission.MANAGE_CONTENT)
async def unpublish_article(scope: Scope, article_id: int) -> NewsArticle:
    """Make an article a draft again; who has read it is kept. Raises NotFound, Conflict for a draft."""
    article = await _article(scope, article_id)
    async with transaction() as tx:
        if (await _locked(tx, article_id))["published_at"] is None:
            raise Conflict("the article is a draft", field=("articleId",))
        await tx.fetch(queries.SET_PUBLISHED, article_id, None)
        await _record(scope, tx, "unpublished", article_id, article.brand_id, {})
    return await _article(scope, article_id)


@requires(Permission.MANAGE_CONTENT)
async def delete_article(scope: Scope, article_id: int) -> None:
    """Delete a draft. Raises NotFound, Conflict for an article that is published or waits for its time."""
    article = await _article(scope, article_id)
    async with transaction() as tx:
        row = await _locked(tx, article_id)
        if row["published_at"] is not None:
            raise Conflict(
                "the article is published: take it back before you delete it", field=("articleId",)
            )
        await tx.fetch(queries.FORGET_READINGS, article_id)
        await tx.fetch(queries.DELETE, article_id)
        data = {"title": row["title"]}
        await _record(scope, tx, "deleted", article_id, article.brand_id, data)


async def _article(scope: Scope, article_id: int) -> NewsArticle:
    found = await (await articles_of_operators(scope)).rows.get_or_none(id=article_id)
    if found is None:
        raise NotFound("article", field=("articleId",))
    return found


async def _locked(tx: Transaction, article_id: int) -> Row:
    """The row as it is now; another operator may have deleted it meanwhile."""
    rows = await tx.fetch(queries.LOCK, article_id)
    if not rows:
        raise NotFound("article", field=("articleId",))
    return rows[0]


async def _record(
    scope: Scope,
    tx: Transaction,
    verb: str,
    article_id: int,
    brand_id: int | None,
    data: Mapping[str, object],
) -> None:
    subject = Subject("news_article", article_id)
    await record(scope, tx, f"news.{verb}", subject, brand_id=brand_id, data=dict(data))
