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
    # Keyed hash of address and user agent: tells repeat clicks of a day apart, names nobody.
    fingerprint = fields.BigIntField()
    # The visitor's first-party cookie: the touches of one visitor form a path (M01).
    visitor_id = fields.BigIntField(null=True)
    # ISO 3166 alpha-2, `ZZ` when unknown.
    country = text(2)
    # desktop | mobile | tablet | bot | unknown
    device = text(16)
    # The visitor's first choice, such as `de-AT`.
    language = text(16, null=True)
    # The address without its last part: what is left when the retention of addresses has ended.
    network = text(45, null=True)
    # Of network click URLs: quicklink | banner | text_link | product_store (W4).
    ad_type = text(16, null=True)
    banner_id = fields.BigIntField(null=True)
    # None: the visit counts. Otherwise why not: bot | ignored_ip. Duplicates are in DuplicateVisit.
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


class UniqueVisit(TenantModel):
    """The first counted visit of a promo, fingerprint and business day; partitioned by month (M04).

    A fact: it adds one to the unique visits. Written when visits are judged, in the order of the log.
    """

    partner_column = "partner_id"
    brand_column = "brand_id"

    visit_id = fields.BigIntField(primary_key=True, generated=False)
    recording_id = fields.BigIntField()
    business_day = fields.DateField()
    promo_id = fields.BigIntField()
    campaign_id = fields.BigIntField()
    plan_id = fields.BigIntField()
    brand_id = fields.BigIntField()
    partner_id = fields.BigIntField()
    fingerprint = fields.BigIntField()
    country = text(2)
    # When the visit of this promo, fingerprint and day that was judged last was made. No fact: it moves.
    last_at = fields.DatetimeField()

    class Meta:
        table = "unique_visits"


class DuplicateVisit(TenantModel):
    """A visit that repeats another one of its promo and fingerprint within two seconds; partitioned by month (M04).

    A fact: it takes one from the visits.
    """

    partner_column = "partner_id"
    brand_column = "brand_id"

    visit_id = fields.BigIntField(primary_key=True, generated=False)
    recording_id = fields.BigIntField()
    business_day = fields.DateField()
    promo_id = fields.BigIntField()
    campaign_id = fields.BigIntField()
    plan_id = fields.BigIntField()
    brand_id = fields.BigIntField()
    partner_id = fields.BigIntField()
    country = text(2)

    class Meta:
        table = "duplicate_visits"


class FallbackVisit(TenantModel):
    """A click that was sent to the fallback: an unknown code, or a link that a state stops."""

    partner_column = "partner_id"
    brand_column = "brand_id"

    id = fields.BigIntField(primary_key=True, generated=False)
    recording_id = fields.BigIntField()
    occurred_at = fields.DatetimeField()
    # The path as it was asked for.
    code = text(200)
    # unknown_code | partner | affiliation | brand | campaign | database_away | failed
    reason = text(16)
    promo_id = fields.BigIntField(null=True)
    brand_id = fields.BigIntField(null=True)
    partner_id = fields.BigIntField(null=True)
    country = text(2)
    device = text(16)
    referrer = text(1000, null=True)
    user_agent = text(500, null=True)

    class Meta:
        table = "fallback_visits"
