"""Partners, their team members, operators, and sessions."""

from __future__ import annotations

from tortoise import fields

from app.models.base import TenantModel, clock_offset, json_object, reference, text


class Partner(TenantModel):
    """An affiliate account: a company or a person."""

    partner_column = "id"

    id = fields.BigIntField(primary_key=True)
    # The public code in network links (`aff_code`).
    code = text(32, unique=True)
    name = text(200)
    # pending | active | blocked | rejected
    state = text(16)
    # Default currency of this partner's reports; commissions are in the plan's currency.
    currency = text(8)
    time_zone = text(64, default="UTC")
    sandbox = fields.BooleanField(default=False)
    clock_offset = clock_offset()
    created_at = fields.DatetimeField()

    class Meta:
        table = "partners"


class User(TenantModel):
    """What team members and operators have in common."""

    id = fields.BigIntField(primary_key=True)
    # Lower case; unique among all users of its kind.
    email = text(254, unique=True)
    name = text(200)
    # None until the invitation's set-password link was followed.
    password_hash = text(200, null=True)
    # Encrypted; None while 2FA is off.
    totp_secret = fields.BinaryField(null=True)
    # The last time step whose code was accepted: a code works once (A62).
    totp_last_step = fields.BigIntField(null=True)
    # active | blocked
    state = text(16, default="active")
    last_sign_in_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        abstract = True


class PartnerUser(User):
    """A team member of a partner."""

    partner_column = "partner_id"

    partner = reference("Partner", db_index=True)
    partner_id: int
    # owner | manager | finance | viewer
    role = text(16)
    # SHA-256 of the static token for report feeds (A66).
    statistic_token_hash = text(64, null=True, unique=True)

    class Meta:
        table = "partner_users"


class OperatorUser(User):
    """Staff; an advertiser is an operator user limited to the brands listed."""

    operators_only = True

    # owner | affiliate_manager | finance | content | support | advertiser
    role = text(24)
    # None: all brands.
    brand_ids = json_object(null=True)

    class Meta:
        table = "operator_users"


class Session(TenantModel):
    """One sign-in. The token itself is never stored."""

    operators_only = True

    id = fields.BigIntField(primary_key=True)
    # SHA-256, in hex.
    token_hash = text(64, unique=True)
    # Exactly one of the two (a check constraint).
    partner_user = reference("PartnerUser", null=True, db_index=True)
    partner_user_id: int | None
    operator_user = reference("OperatorUser", null=True, db_index=True)
    operator_user_id: int | None
    ip = text(45, null=True)
    user_agent = text(500, null=True)
    created_at = fields.DatetimeField()
    last_used_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    terminated_at = fields.DatetimeField(null=True)

    class Meta:
        table = "sessions"
