"""Brands and their offer material."""

from __future__ import annotations

from decimal import Decimal

from tortoise import fields
from tortoise.indexes import Index

from app.models.base import TenantModel, amount, clock_offset, json_object, reference, text


class Brand(TenantModel):
    """What is promoted; the network API calls it a program."""

    brand_column = "id"

    id = fields.BigIntField(primary_key=True)
    # The public code in network links (`unique`, `program_unique`).
    code = text(32, unique=True)
    slug = text(100, unique=True)
    name = text(200)
    category = text(64)
    # active | disabled | suspended (a prepaid brand without funds)
    state = text(16, default="active")
    main_url = text(2000)
    # The order in which partners see brands; ties by id.
    sort_order = fields.IntField(default=0)
    # Where the brand sells: ISO 3166 alpha-2 codes; empty: everywhere.
    countries = json_object(default=list)
    # Hosts that network links may lead to, with their subdomains; the host of `main_url` always may (W4).
    domains = json_object(default=list)
    # Parameters that every redirect to the brand carries: `[name, template]` with macros such as `%%affiliate_name%%`.
    redirect_arguments = json_object(default=list)
    # Addresses and networks whose visits are kept and not counted (A12).
    ignored_ips = json_object(default=list)
    # The brand's business day everywhere (M42). Frozen by a trigger once the brand has facts.
    time_zone = text(64)
    currency = text(8)
    # The attribution window, stamped on each visit (M01).
    cookie_days = fields.IntField(default=30)
    # The query parameter under which the landing receives `{promo_id}_{visit_id}`.
    stag_parameter = text(64, default="stag")
    # A later eligible visit of the same visitor wins over the stag that the brand sends (M01).
    server_last_click = fields.BooleanField(default=False)
    # A coupon or bonus code wins over the stag (M02).
    coupon_first = fields.BooleanField(default=False)
    # After how many days a sale or lead is accepted by itself (M18).
    approval_days = fields.IntField(default=30)
    # What the brand offers by default: a share of sales in percent, an amount per lead in its currency.
    default_sale_percent = amount(null=True)
    default_lead_amount = amount(null=True)
    # A prepaid brand pays from a balance in its currency; at zero it is suspended.
    prepaid = fields.BooleanField(default=False)
    funding_balance = amount(default=Decimal(0))
    # Up to when the brand says it has reported everything; never moves back (M26).
    complete_through = fields.DatetimeField(null=True)
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


class IntakeSignature(TenantModel):
    """A signed request that was taken: the same one is not taken again while its time is near (W3)."""

    brand_column = "brand_id"
    operators_only = True

    id = fields.BigIntField(primary_key=True)
    brand_id = fields.BigIntField()
    webhook_id = text(256)
    # As the request says, by the server's clock within minutes.
    signed_at = fields.DatetimeField()

    class Meta:
        table = "intake_signatures"
        unique_together = (("brand_id", "webhook_id", "signed_at"),)
        indexes = (Index(fields=("signed_at",), name="intake_signatures_signed_at"),)


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
    # Where it is meant for: ISO 3166 alpha-2 codes; empty: everywhere.
    countries = json_object(default=list)
    language = text(16, null=True)
    sort_order = fields.IntField(default=0)
    # active | disabled
    state = text(16, default="active")
    created_at = fields.DatetimeField()

    class Meta:
        table = "landings"


class TrafficSource(TenantModel):
    """A way of reaching visitors (SEO, social media, e-mail …) that a promo may state once (A04)."""

    id = fields.BigIntField(primary_key=True)
    name = text(100, unique=True)
    # active | disabled
    state = text(16, default="active")
    sort_order = fields.IntField(default=0)
    created_at = fields.DatetimeField()

    class Meta:
        table = "traffic_sources"


class BrandTrafficSource(TenantModel):
    """What a brand thinks of a traffic source: without a row, maybe. `no` refuses the promo."""

    brand_column = "brand_id"

    id = fields.BigIntField(primary_key=True)
    brand = reference("Brand")
    brand_id: int
    traffic_source = reference("TrafficSource", db_index=True)
    traffic_source_id: int
    # yes | maybe | no
    policy = text(8)

    class Meta:
        table = "brand_traffic_sources"
        unique_together = (("brand", "traffic_source"),)


class BrandChange(TenantModel):
    """An announced change of a brand's cookie life, approval time or default rates; it takes effect after a notice."""

    brand_column = "brand_id"

    id = fields.BigIntField(primary_key=True)
    brand = reference("Brand", db_index=True)
    brand_id: int
    # cookie_days | approval_days | default_sale_percent | default_lead_amount
    field = text(32)
    # The decimal text of the value before and after; null: none.
    before = text(64, null=True)
    after = text(64, null=True)
    announced_at = fields.DatetimeField()
    effective_at = fields.DatetimeField()
    applied_at = fields.DatetimeField(null=True)
    cancelled_at = fields.DatetimeField(null=True)

    class Meta:
        table = "brand_changes"


class BrandFunding(TenantModel):
    """One immutable line of a prepaid brand's balance, in the brand's currency."""

    brand_column = "brand_id"
    operators_only = True

    id = fields.BigIntField(primary_key=True)
    brand = reference("Brand", db_index=True)
    brand_id: int
    # deposit | charge | correction
    kind = text(16)
    currency = text(8)
    # After this line.
    balance = amount()
    # Signed.
    amount = amount()
    comment = text(500)
    created_at = fields.DatetimeField()

    class Meta:
        table = "brand_fundings"


class BrandSuspension(TenantModel):
    """A time in which a brand was suspended; the last 30 days of them make its downtime."""

    brand_column = "brand_id"

    id = fields.BigIntField(primary_key=True)
    brand = reference("Brand", db_index=True)
    brand_id: int
    reason = text(500)
    started_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "brand_suspensions"


class Banner(TenantModel):
    """A picture that a promo may use. What is known of it was read from the file itself."""

    brand_column = "brand_id"

    id = fields.BigIntField(primary_key=True)
    # The public code in network links (`unique`).
    code = text(32, unique=True)
    brand = reference("Brand", db_index=True)
    brand_id: int
    title = text(200)
    language = text(16, null=True)
    tags = json_object(default=list)
    # png | jpeg | gif | webp
    format = text(8)
    width = fields.IntField()
    height = fields.IntField()
    animated = fields.BooleanField(default=False)
    # In bytes.
    size = fields.IntField()
    sha256 = text(64)
    storage_key = text(200)
    # A private banner exists only for the partners that it was given to.
    private = fields.BooleanField(default=False)
    sort_order = fields.IntField(default=0)
    # active | disabled
    state = text(16, default="active")
    created_at = fields.DatetimeField()

    class Meta:
        table = "banners"


class BannerPartner(TenantModel):
    """Gives a private banner to a partner."""

    partner_column = "partner_id"

    id = fields.BigIntField(primary_key=True)
    banner = reference("Banner")
    banner_id: int
    partner = reference("Partner", db_index=True)
    partner_id: int

    class Meta:
        table = "banner_partners"
        unique_together = (("banner", "partner"),)


class Promotion(TenantModel):
    """A brand's dated offer or coupon, for partners to tell of."""

    brand_column = "brand_id"

    id = fields.BigIntField(primary_key=True)
    brand = reference("Brand", db_index=True)
    brand_id: int
    title = text(200)
    description = text(4000)
    url = text(2000)
    coupon = text(64, null=True)
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    sort_order = fields.IntField(default=0)
    # active | disabled
    state = text(16, default="active")
    created_at = fields.DatetimeField()

    class Meta:
        table = "promotions"


class Coupon(TenantModel):
    """A coupon or bonus code that is bound to a promo: whoever uses it came by that promo (M02)."""

    partner_column = "promo__partner_id"
    brand_column = "brand_id"

    id = fields.BigIntField(primary_key=True)
    brand = reference("Brand")
    brand_id: int
    promo = reference("Promo", db_index=True)
    promo_id: int
    # As it is written; found whatever its case.
    code = text(64)
    # active | disabled
    state = text(16, default="active")
    created_at = fields.DatetimeField()

    class Meta:
        table = "coupons"
