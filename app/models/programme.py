"""What the programme tells its partners: news, contacts, terms."""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index

from app.models.base import TenantModel, reference, text


class NewsArticle(TenantModel):
    """A piece of news for the partners of a brand, or of the whole programme (A69)."""

    id = fields.BigIntField(primary_key=True)
    # None: of the programme.
    brand = reference("Brand", null=True, db_index=True)
    brand_id: int | None
    title = text(200)
    # Markdown.
    body = fields.TextField()
    # None: a draft. A time to come: not seen before.
    published_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "news_articles"


class NewsReading(TenantModel):
    """That a user has read an article."""

    partner_column = "user__partner_id"

    id = fields.BigIntField(primary_key=True)
    user = reference("User")
    user_id: int
    article = reference("NewsArticle", db_index=True)
    article_id: int
    read_at = fields.DatetimeField()

    class Meta:
        table = "news_readings"
        unique_together = (("user", "article"),)


class Contact(TenantModel):
    """Whom partners may write to, for a brand or for the whole programme (A69)."""

    id = fields.BigIntField(primary_key=True)
    # None: of the programme.
    brand = reference("Brand", null=True, db_index=True)
    brand_id: int | None
    name = text(200)
    position = text(200)
    email = text(254, null=True)
    phone = text(50, null=True)
    messenger = text(200, null=True)
    sort_order = fields.IntField(default=0)
    created_at = fields.DatetimeField()

    class Meta:
        table = "contacts"


class TermsVersion(TenantModel):
    """One version of the terms of the programme or of a brand; a published one never changes (A69, X04)."""

    id = fields.BigIntField(primary_key=True)
    # None: of the programme.
    brand = reference("Brand", null=True)
    brand_id: int | None
    # Consecutive from 1 for each brand, and for the programme.
    number = fields.IntField()
    # Markdown.
    body = fields.TextField()
    created_at = fields.DatetimeField()
    published_at = fields.DatetimeField(null=True)
    # From when it must have been accepted.
    effective_at = fields.DatetimeField(null=True)

    class Meta:
        table = "terms_versions"


class TermsAcceptance(TenantModel):
    """That a partner accepted a version of terms."""

    partner_column = "partner_id"

    id = fields.BigIntField(primary_key=True)
    partner = reference("Partner")
    partner_id: int
    terms = reference("TermsVersion", db_index=True)
    terms_id: int
    user = reference("User", null=True)
    user_id: int | None
    accepted_at = fields.DatetimeField()

    class Meta:
        table = "terms_acceptances"
        unique_together = (("partner", "terms"),)
        indexes = (Index(fields=("partner_id", "id"), name="terms_acceptances_partner_id"),)
