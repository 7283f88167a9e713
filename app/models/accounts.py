"""Partners, users (team members and operators), their sessions, and the personal data that lives apart."""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index

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
    # Who brought this partner, by which link; fixed at registration (M1C).
    parent = reference("Partner", null=True, db_index=True)
    parent_id: int | None
    # No foreign key: promos refer to partners already.
    parent_promo_id = fields.BigIntField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "partners"


class Subject(TenantModel):
    """A person, for personal data: everything about them is encrypted under their own key (A6A).

    Facts, events and the ledger hold ids only. Erasing a person destroys the key.
    """

    operators_only = True

    id = fields.BigIntField(primary_key=True)
    # The person's key, itself encrypted; None once the person was erased.
    key = fields.BinaryField(null=True)
    # JSON under that key: e-mail, names.
    data = fields.BinaryField(null=True)
    erased_at = fields.DatetimeField(null=True)

    class Meta:
        table = "subjects"


class User(TenantModel):
    """Somebody who signs in: a team member of a partner, or an operator. One identity for every door."""

    partner_column = "partner_id"

    id = fields.BigIntField(primary_key=True)
    # partner | staff
    audience = text(16)
    # The account of a team member; None for staff (a check constraint).
    partner = reference("Partner", null=True, db_index=True)
    partner_id: int | None
    subject = reference("Subject")
    subject_id: int
    # Keyed hash of the lower-case e-mail: finds the user, tells nothing.
    email_digest = text(64, unique=True)
    email_confirmed_at = fields.DatetimeField(null=True)
    # partner: owner | manager | finance | viewer
    # staff: owner | affiliate_manager | finance | content | support | advertiser
    role = text(24)
    # The brands that an advertiser is limited to; None: all.
    brand_ids = json_object(null=True)
    # None until the invitation's set-password link was followed.
    password_hash = text(200, null=True)
    # Encrypted; None while 2FA is off.
    totp_secret = fields.BinaryField(null=True)
    # Encrypted; a secret that was shown and not confirmed yet.
    totp_pending = fields.BinaryField(null=True)
    # The last time step whose code was accepted: a code works once (A62).
    totp_last_step = fields.BigIntField(null=True)
    # active | blocked (by an owner or operator; a lock after failures is `locked_at`)
    state = text(16, default="active")
    failed_attempts = fields.IntField(default=0)
    # Since when the account waits for the mailed unlock link.
    locked_at = fields.DatetimeField(null=True)
    language = text(8, default="en")
    # For showing timestamps only (M42).
    time_zone = text(64, default="UTC")
    # Default currency of this user's reports; None: the partner's.
    report_currency = text(8, null=True)
    # Which mails the user wants besides those about the account itself.
    mail_preferences = json_object(default=dict)
    # The static token of report feeds (A66): encrypted to be shown again, hashed to be found.
    statistic_token = fields.BinaryField(null=True)
    statistic_token_hash = text(64, null=True, unique=True)
    last_sign_in_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "users"


class Session(TenantModel):
    """One sign-in. Tokens are never stored: a hash of a random one, or the generation of a derived one (N03)."""

    partner_column = "user__partner_id"

    id = fields.BigIntField(primary_key=True)
    user = reference("User", db_index=True)
    user_id: int
    # SHA-256 of the token, in hex; None for sessions of the network API.
    token_hash = text(64, null=True, unique=True)
    # Network API: the public name of the session, and the number of its present token.
    client = text(32, null=True, unique=True)
    generation = fields.IntField(default=0)
    generation_at = fields.DatetimeField(null=True)
    ip = text(45, null=True)
    user_agent = text(500, null=True)
    created_at = fields.DatetimeField()
    last_used_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    terminated_at = fields.DatetimeField(null=True)

    class Meta:
        table = "sessions"


class RecoveryCode(TenantModel):
    """A code that replaces the authenticator app once."""

    partner_column = "user__partner_id"

    id = fields.BigIntField(primary_key=True)
    user = reference("User", db_index=True)
    user_id: int
    code_hash = text(64)
    used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "recovery_codes"


class AccountLink(TenantModel):
    """A mailed link. Its token is derived from this row and the server's key, so nothing secret is stored."""

    partner_column = "user__partner_id"

    id = fields.BigIntField(primary_key=True)
    user = reference("User", db_index=True)
    user_id: int
    # confirm_email | reset_password | unlock | invitation
    purpose = text(24)
    nonce = text(64)
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "account_links"


class ApiToken(TenantModel):
    """A token of an integrator's script, with a part of its user's permissions."""

    partner_column = "user__partner_id"

    id = fields.BigIntField(primary_key=True)
    user = reference("User", db_index=True)
    user_id: int
    name = text(100)
    token_hash = text(64, unique=True)
    # The permissions it carries; never more than its user's role has at the time of use.
    permissions = json_object()
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(null=True)
    last_used_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "api_tokens"


class AttemptCounter(TenantModel):
    """Failed attempts of one kind by one key (an address, a link) in one window of time."""

    operators_only = True

    id = fields.BigIntField(primary_key=True)
    kind = text(32)
    key = text(80)
    window_start = fields.DatetimeField()
    count = fields.IntField()

    class Meta:
        table = "attempt_counters"
        unique_together = (("kind", "key", "window_start"),)


class PartnerNote(TenantModel):
    """What operators write down about a partner; partners never see it."""

    operators_only = True

    id = fields.BigIntField(primary_key=True)
    partner = reference("Partner", db_index=True)
    partner_id: int
    author = reference("User")
    author_id: int
    text = text(4000)
    created_at = fields.DatetimeField()

    class Meta:
        table = "partner_notes"


class PartnerProfile(TenantModel):
    """What operators keep about a partner besides the account itself."""

    operators_only = True

    id = fields.BigIntField(primary_key=True)
    partner = reference("Partner")
    partner_id: int
    # The personal manager.
    manager = reference("User", null=True)
    manager_id: int | None
    tags = json_object(default=list)
    # The terms that were accepted at registration.
    terms_version = fields.IntField(null=True)
    # Why it was rejected or blocked.
    state_reason = text(500, null=True)

    class Meta:
        table = "partner_profiles"
        unique_together = (("partner",),)


class Document(TenantModel):
    """A file that a partner uploaded for review (A67). The bytes are in object storage."""

    partner_column = "partner_id"

    id = fields.BigIntField(primary_key=True)
    partner = reference("Partner")
    partner_id: int
    uploaded_by = reference("User")
    uploaded_by_id: int
    name = text(200)
    # Read from the bytes, not from what the client said.
    content_type = text(100)
    size = fields.IntField()
    sha256 = text(64)
    storage_key = text(200, unique=True)
    # pending | approved | declined | deleted
    state = text(16, default="pending")
    reason = text(500, null=True)
    created_at = fields.DatetimeField()
    reviewed_at = fields.DatetimeField(null=True)
    # When the bytes of a deleted document left the storage.
    bytes_deleted_at = fields.DatetimeField(null=True)

    class Meta:
        table = "documents"
        indexes = (Index(fields=("partner_id", "id"), name="documents_partner_id"),)


class Mail(TenantModel):
    """A mail to be sent: unique per event, user and template, so that planning twice sends once (decision 6)."""

    operators_only = True

    id = fields.BigIntField(primary_key=True)
    event = reference("Event")
    event_id: int
    user = reference("User", db_index=True)
    user_id: int
    template = text(64)
    # The link that the mail carries; its token is derived when the mail is written.
    link = reference("AccountLink", null=True)
    link_id: int | None
    # pending | sent | failed
    state = text(16, default="pending")
    attempts = fields.IntField(default=0)
    next_attempt_at = fields.DatetimeField()
    claimed_until = fields.DatetimeField(null=True)
    sent_at = fields.DatetimeField(null=True)
    # The mail server's last refusal.
    error = text(300, null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "mails"
        unique_together = (("event", "user", "template"),)
