"""Brands and their offer material."""

from __future__ import annotations

from tortoise import fields

from app.models.base import TenantModel, clock_offset, reference, text


class Brand(TenantModel):
    """What is promoted; the network API calls it a program."""

    brand_column = "id"

    id = fields.BigIntField(primary_key=True)
    # The public code in network links (`unique`, `program_unique`).
    code = text(32, unique=True)
    slug = text(100, unique=True)
    name = text(200)
    category = text(64)
    # active | disabled
    state = text(16, default="active")
    main_url = text(2000)
    # The brand's business day everywhere (M42). Frozen by a trigger once the brand has facts.
    time_zone = text(64)
    currency = text(8)
    # The attribution window, stamped on each visit (M01).
    cookie_days = fields.IntField(default=30)
    # The query parameter under which the landing receives `{promo_id}_{visit_id}`.
    stag_parameter = text(64, default="stag")
    sandbox = fields.BooleanField(default=False)
    clock_offset = clock_offset()
    created_at = fields.DatetimeField()

    class Meta:
        table = "brands"


class BrandKey(TenantModel):
    """An intake key of a brand; several may be active, so that they can rotate (W3)."""

    brand_column = "brand_id"
    operators_only = True

    id = fields.BigIntField(primary_key=True)
    brand = reference("Brand", db_index=True)
    brand_id: int
    key = text(64, unique=True)
    # Encrypted: the HMAC needs the secret itself.
    secret = fields.BinaryField()
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(null=True)

    class Meta:
        table = "brand_keys"


class Landing(TenantModel):
    """A page of the brand that a promo can lead to."""

    brand_column = "brand_id"

    id = fields.BigIntField(primary_key=True)
    brand = reference("Brand", db_index=True)
    brand_id: int
    title = text(200)
    url = text(2000)
    # players | sub_affiliates
    audience = text(16, default="players")
    # active | disabled
    state = text(16, default="active")
    created_at = fields.DatetimeField()

    class Meta:
        table = "landings"


class TrafficSource(TenantModel):
    """A way of reaching visitors (SEO, social media, e-mail …) that a promo may state once (A04)."""

    id = fields.BigIntField(primary_key=True)
    name = text(100, unique=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "traffic_sources"
