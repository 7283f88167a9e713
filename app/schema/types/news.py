"""News in GraphQL, as partners read them (A69)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry
from strawberry.types import Info

from app import models
from app.domain.news.reads import NewsFilter
from app.resolvers.programme import load_read
from app.schema.context import context_of
from app.schema.errors import UserError
from app.schema.fields import COST
from app.schema.ids import decode_optional_id, encode_id
from app.schema.markdown import html_of
from app.schema.node import Node
from app.schema.scalars import Count
from app.schema.types.offer import Brand

# Rendering a long text takes its time.
HTML_COST = 5
HTML = "The same as HTML that can be shown as it is: tags in the text are escaped."


@strawberry.type(description="A piece of news for partners.")
class NewsArticle(Node):
    title: str = strawberry.field(description="Such as New landing pages.")
    body: str = strawberry.field(description="Markdown.")
    published_at: datetime = strawberry.field(description="UTC.")
    row: strawberry.Private[models.NewsArticle]

    @strawberry.field(description=HTML, metadata={COST: HTML_COST})
    def body_html(self) -> str:
        return html_of(self.body)

    @strawberry.field(description="Whose news it is; null: the whole programme's.")
    async def brand(self, info: Info[Any, Any]) -> Brand | None:
        return await brand_of(info, self.row.brand_id)

    @strawberry.field(description="Whether you have not marked it as read yet.")
    async def unread(self, info: Info[Any, Any]) -> bool:
        return not await context_of(info).loaders.batched(load_read, self.row.id)

    @classmethod
    def of(cls, row: models.NewsArticle) -> NewsArticle:
        """From the model of a published article."""
        if row.published_at is None:
            raise ValueError(f"article {row.id} is a draft")
        return cls(
            id=encode_id("NewsArticle", row.id),
            title=row.title,
            body=row.body,
            published_at=row.published_at,
            row=row,
        )


async def brand_of(info: Info[Any, Any], brand_id: int | None) -> Brand | None:
    """The brand; None for the programme."""
    if brand_id is None:
        return None
    row = await context_of(info).loaders.one(models.Brand, brand_id)
    return Brand.of(row) if row else None


@strawberry.input(description="Which news.")
class NewsFilterInput:
    brand_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this brand."
    )
    unread: bool | None = strawberry.field(
        default=None, description="Only what you have not read yet; false: only what you have."
    )

    def to_domain(self) -> NewsFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        return NewsFilter(decode_optional_id("Brand", self.brand_id, "brandId"), self.unread)


@strawberry.input(description="An article.")
class NewsArticleInput:
    article_id: strawberry.ID = strawberry.field(description="The article.")


@strawberry.type(description="The article, or why there is none.")
class MarkNewsReadPayload:
    article: NewsArticle | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )


@strawberry.type(description="How many articles were marked.")
class MarkAllNewsReadPayload:
    marked: Count | None = strawberry.field(
        default=None, description="How many had been unread, such as 3."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )
