"""Visits: recorded clicks. Partitioned by range of id; a visit id starts with its time."""

from __future__ import annotations

from tortoise import fields

from app.models.base import TenantModel, json_object, text


class Visit(TenantModel):
    """One recorded click. Append-only; no foreign keys, so that recording it takes no locks."""

    partner_column = "partner_id"
    brand_column = "brand_id"

    # Made by the server before recording: 42 bits of milliseconds, 10 of node, 11 of counter.
    id = fields.BigIntField(primary_key=True, generated=False)
    recording_id = fields.BigIntField()
    occurred_at = fields.DatetimeField()
    # The brand's day (M42).
    business_day = fields.DateField()
    promo_id = fields.BigIntField()
    campaign_id = fields.BigIntField()
    plan_id = fields.BigIntField()
    brand_id = fields.BigIntField()
    partner_id = fields.BigIntField()
    # The end of the attribution window, stamped when the visit was made (M01).
    attributable_until = fields.DatetimeField()
    # Hash of address and user agent: tells repeat clicks apart, names nobody.
    fingerprint = fields.BigIntField()
    # ISO 3166 alpha-2, `ZZ` when unknown.
    country = text(2)
    # desktop | mobile | tablet | bot | unknown
    device = text(16)
    # None: the visit counts. Otherwise why it does not: bot | ignored_ip | duplicate.
    uncounted_reason = text(16, null=True)
    referrer = text(1000, null=True)
    user_agent = text(500, null=True)
    # Where the visitor was sent.
    destination = text(8000)
    # Custom parameters of the link: dynamic tags (A11).
    tags = json_object()
    # A tag was truncated or had an invalid encoding.
    corrupted = fields.BooleanField(default=False)

    class Meta:
        table = "visits"


class VisitAddress(TenantModel):
    """The client address of a visit, in daily partitions that are dropped after the retention time (M04)."""

    operators_only = True

    visit_id = fields.BigIntField(primary_key=True, generated=False)
    ip = text(45)

    class Meta:
        table = "visit_addresses"
