"""News, contacts and terms in GraphQL, as operators write them (admin schema only)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry
from strawberry.types import Info

from app import models
from app.domain.contacts.commands import ContactParts
from app.domain.news.reads import ArticleFilter
from app.domain.terms.reads import AcceptanceFilter
from app.resolvers.programme import load_present
from app.schema.context import context_of
from app.schema.errors import UserError
from app.schema.fields import COST
from app.schema.ids import decode_optional_id, encode_id
from app.schema.markdown import html_of
from app.schema.node import Node
from app.schema.types.contact import Contact
from app.schema.types.news import HTML, HTML_COST, brand_of
from app.schema.types.offer import Brand
from app.schema.types.partner import Partner

_MARKDOWN = "Markdown, at most 50,000 characters."
_OF_BRAND = "Of a brand; none: of the whole programme."
_CLEARED = " An empty text clears it."


def _errors() -> Any:
    return strawberry.field(default_factory=list, description="Empty on success.")


@strawberry.type(description="A piece of news for partners, or a draft of one.")
class NewsArticle(Node):
    title: str = strawberry.field(description="Such as New landing pages.")
    body: str = strawberry.field(description="Markdown.")
    created_at: datetime = strawberry.field(description="UTC.")
    published_at: datetime | None = strawberry.field(
        description="UTC; a time to come: not seen before. Null: a draft."
    )
    row: strawberry.Private[models.NewsArticle]

    @strawberry.field(description=HTML, metadata={COST: HTML_COST})
    def body_html(self) -> str:
        return html_of(self.body)

    @strawberry.field(description="Whose news it is; null: the whole programme's.")
    async def brand(self, info: Info[Any, Any]) -> Brand | None:
        return await brand_of(info, self.row.brand_id)

    @classmethod
    def of(cls, row: models.NewsArticle) -> NewsArticle:
        """From the model."""
        return cls(
            id=encode_id("NewsArticle", row.id),
            title=row.title,
            body=row.body,
            created_at=row.created_at,
            published_at=row.published_at,
            row=row,
        )


@strawberry.type(description="One version of the terms; a published one never changes.")
class TermsVersion(Node):
    number: int = strawberry.field(description="Consecutive for each brand, from 1.")
    body: str = strawberry.field(description="Markdown.")
    created_at: datetime = strawberry.field(description="UTC.")
    published_at: datetime | None = strawberry.field(description="UTC; null: a draft.")
    effective_at: datetime | None = strawberry.field(description="UTC; in force from then on.")
    row: strawberry.Private[models.TermsVersion]

    @strawberry.field(description=HTML, metadata={COST: HTML_COST})
    def body_html(self) -> str:
        return html_of(self.body)

    @strawberry.field(description="Whose terms they are; null: the whole programme's.")
    async def brand(self, info: Info[Any, Any]) -> Brand | None:
        return await brand_of(info, self.row.brand_id)

    @strawberry.field(description="Whether this version is in force now.")
    async def present(self, info: Info[Any, Any]) -> bool:
        return await context_of(info).loaders.batched(load_present, self.row.id)

    @classmethod
    def of(cls, row: models.TermsVersion) -> TermsVersion:
        """From the model."""
        return cls(
            id=encode_id("TermsVersion", row.id),
            number=row.number,
            body=row.body,
            created_at=row.created_at,
            published_at=row.published_at,
            effective_at=row.effective_at,
            row=row,
        )


@strawberry.type(description="That a partner accepted a version of the terms.")
class TermsAcceptance(Node):
    accepted_at: datetime = strawberry.field(description="UTC.")
    row: strawberry.Private[models.TermsAcceptance]

    @strawberry.field(description="Who is bound by it.")
    async def partner(self, info: Info[Any, Any]) -> Partner | None:
        row = await context_of(info).loaders.one(models.Partner, self.row.partner_id)
        return Partner.of(row) if row else None

    @strawberry.field(description="The version that was accepted.")
    async def terms(self, info: Info[Any, Any]) -> TermsVersion | None:
        row = await context_of(info).loaders.one(models.TermsVersion, self.row.terms_id)
        return TermsVersion.of(row) if row else None

    @strawberry.field(description="The team member who did, such as Paula Partner.")
    async def accepted_by(self, info: Info[Any, Any]) -> str | None:
        if self.row.user_id is None:
            return None
        return await context_of(info).loaders.actor_name(self.row.user_id)

    @classmethod
    def of(cls, row: models.TermsAcceptance) -> TermsAcceptance:
        """From the model."""
        return cls(id=encode_id("TermsAcceptance", row.id), accepted_at=row.accepted_at, row=row)


@strawberry.input(description="Which acceptances.")
class TermsAcceptanceFilterInput:
    terms_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this version."
    )
    partner_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this partner."
    )

    def to_domain(self) -> AcceptanceFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        return AcceptanceFilter(
            decode_optional_id("TermsVersion", self.terms_id, "termsId"),
            decode_optional_id("Partner", self.partner_id, "partnerId"),
        )


@strawberry.input(description="Which articles.")
class ArticleFilterInput:
    brand_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this brand."
    )
    published: bool | None = strawberry.field(
        default=None, description="Only what partners see; false: only what they do not."
    )

    def to_domain(self) -> ArticleFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        return ArticleFilter(decode_optional_id("Brand", self.brand_id, "brandId"), self.published)


@strawberry.input(description="A draft of an article.")
class CreateNewsArticleInput:
    title: str = strawberry.field(description="At most 200 characters.")
    body: str = strawberry.field(description=_MARKDOWN)
    brand_id: strawberry.ID | None = strawberry.field(default=None, description=_OF_BRAND)


@strawberry.input(description="What to change of an article; what is left out stays.")
class EditNewsArticleInput:
    article_id: strawberry.ID = strawberry.field(description="The article.")
    title: str | None = strawberry.field(default=None, description="At most 200 characters.")
    body: str | None = strawberry.field(default=None, description=_MARKDOWN)


@strawberry.input(description="A draft to publish.")
class PublishNewsArticleInput:
    article_id: strawberry.ID = strawberry.field(description="A draft.")
    at: datetime | None = strawberry.field(
        default=None, description="From when partners see it; none: now."
    )


@strawberry.type(description="The article, or why nothing was done.")
class NewsArticlePayload:
    article: NewsArticle | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = _errors()


@strawberry.input(description="A new contact.")
class CreateContactInput:
    name: str = strawberry.field(description="At most 200 characters.")
    position: str = strawberry.field(description="Such as Affiliate manager.")
    email: str | None = strawberry.field(default=None, description="An e-mail.")
    phone: str | None = strawberry.field(default=None, description="At most 50 characters.")
    messenger: str | None = strawberry.field(default=None, description="Such as Telegram @mara.")
    brand_id: strawberry.ID | None = strawberry.field(default=None, description=_OF_BRAND)

    def to_domain(self) -> ContactParts:
        """The domain's value."""
        return ContactParts(self.name, self.position, self.email, self.phone, self.messenger)


@strawberry.input(description="What to change of a contact; what is left out stays.")
class EditContactInput:
    contact_id: strawberry.ID = strawberry.field(description="The contact.")
    name: str | None = strawberry.field(default=None, description="At most 200 characters.")
    position: str | None = strawberry.field(default=None, description="At most 200 characters.")
    email: str | None = strawberry.field(default=None, description=f"An e-mail.{_CLEARED}")
    phone: str | None = strawberry.field(
        default=None, description=f"At most 50 characters.{_CLEARED}"
    )
    messenger: str | None = strawberry.field(
        default=None, description=f"At most 200 characters.{_CLEARED}"
    )

    def to_domain(self) -> ContactParts:
        """The domain's value."""
        return ContactParts(self.name, self.position, self.email, self.phone, self.messenger)


@strawberry.input(description="A contact.")
class ContactInput:
    contact_id: strawberry.ID = strawberry.field(description="The contact.")


@strawberry.type(description="The contact, or why nothing was done.")
class ContactPayload:
    contact: Contact | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = _errors()


@strawberry.input(description="Contacts in their new order.")
class SortContactsInput:
    contact_ids: list[strawberry.ID] = strawberry.field(
        description="The first one first; others keep their places."
    )


@strawberry.type(description="The contacts in their new order, or why nothing was done.")
class SortContactsPayload:
    contacts: list[Contact] | None = strawberry.field(default=None, description="As named.")
    user_errors: list[UserError] = _errors()


@strawberry.input(description="The next version of the terms.")
class DraftTermsInput:
    body: str = strawberry.field(description=f"{_MARKDOWN[:-1]} and 2,000 lines.")
    brand_id: strawberry.ID | None = strawberry.field(default=None, description=_OF_BRAND)


@strawberry.input(description="Another text for a draft.")
class EditTermsInput:
    terms_id: strawberry.ID = strawberry.field(description="A draft.")
    body: str = strawberry.field(description=f"{_MARKDOWN[:-1]} and 2,000 lines.")


@strawberry.input(description="A draft to publish.")
class PublishTermsInput:
    terms_id: strawberry.ID = strawberry.field(description="A draft.")
    effective_at: datetime | None = strawberry.field(
        default=None, description="From when it is in force; none: now."
    )


@strawberry.type(description="The version, or why nothing was done.")
class TermsPayload:
    terms: TermsVersion | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = _errors()
