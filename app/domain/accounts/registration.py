"""Registration of partners: account and owner, confirmation of the e-mail, approval (A60)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from app.domain.accounts import queries
from app.domain.accounts.attempts import MAIL_BY_ADDRESS, address_key, take_attempt
from app.domain.accounts.invitations import LONGEST, Inviter, inviter_of
from app.domain.accounts.links import Purpose, issue_link, open_link, use_link
from app.domain.accounts.passwords import check_password, hash_off_loop, record_for
from app.domain.accounts.users import Audience, NewUser, clean_email, find_by_email, insert_user
from app.domain.errors import Invalid
from app.domain.events import Subject, record
from app.domain.permissions import PartnerRole
from app.domain.scope import Actor, Scope
from app.domain.terms.present import accept_in, require_present
from app.domain.text import clean_name
from app.infra.clock import zone
from app.infra.crypto import SecretBox
from app.infra.database import Row, Transaction, transaction
from app.infra.money import MoneyError, decimals_of

_CODE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"

_INSERT_PARTNER = """
INSERT INTO partners (code, name, state, currency, time_zone, sandbox, clock_offset, parent_id, parent_promo_id,
                      created_at)
VALUES ($1, $2, 'pending', $3, $4, false, 0, $5, $6, $7) RETURNING id
"""
_INSERT_PROFILE = """
INSERT INTO partner_profiles (partner_id, tags, terms_version) VALUES ($1, '[]', $2)
"""
_CONFIRM = "UPDATE users SET email_confirmed_at = COALESCE(email_confirmed_at, $2) WHERE id = $1"
_APPROVE = "UPDATE partners SET state = 'active' WHERE id = $1 AND state = 'pending' RETURNING id"


@dataclass(frozen=True, slots=True)
class Registration:
    """What somebody registers a partner account with."""

    company_name: str
    name: str
    email: str
    password: str
    currency: str
    time_zone: str
    # The present version of the programme's terms; 0 when none is published.
    accept_terms_version: int
    # The stag (`{promo}_{visit}`) or promo code by which a partner invited it (M1C).
    invitation: str | None = None


async def register_partner(scope: Scope, new: Registration, *, box: SecretBox) -> None:
    """Make a pending partner with its owner, and mail the confirmation link.

    The answer does not tell whether the e-mail was known: its owner gets a mail instead. Raises Invalid for bad
    values or terms that are not the present ones, TooManyAttempts. An invitation that leads nowhere is recorded and
    ignored.
    """
    await take_attempt(scope, MAIL_BY_ADDRESS, address_key(scope.ip))
    company, name, email = _checked(new)
    # Hashed on every path, so that a known e-mail takes as long as a new one.
    hashed = await hash_off_loop(
        check_password(new.password, email.partition("@")[0], name, company)
    )
    async with transaction() as tx:
        # Two registrations of one e-mail at once look like one after the other.
        await tx.fetch(queries.LOCK_EMAIL, box.digests(email)[-1])
        present = await require_present(scope, tx, None, new.accept_terms_version)
        inviter = await inviter_of(scope, tx, new.invitation) if new.invitation else None
        known = await find_by_email(tx, box, email)
        if known is not None:
            await record_for(scope, tx, "user.registration_repeated", known)
            return
        partner_id = await _insert_partner(scope, tx, company, new, inviter)
        owner = NewUser(
            Audience.PARTNER,
            partner_id,
            email,
            name,
            PartnerRole.OWNER,
            hashed,
            time_zone=new.time_zone,
        )
        user_id = await insert_user(tx, box, owner, scope.machine_now())
        if user_id is None:
            raise Invalid(
                "this registration is under way already: look into your mails", field=("email",)
            )
        link_id = await issue_link(scope, tx, user_id, Purpose.CONFIRM_EMAIL)
        acting = Scope(
            Actor(Audience.PARTNER.actor_kind, user_id), scope.clock, scope.request_id, frozenset()
        )
        if present is not None:
            await accept_in(scope, tx, present.id, partner_id, user_id)
        data: dict[str, object] = {
            "link_id": link_id,
            "terms_version": new.accept_terms_version,
        }
        if inviter is not None:
            data["invitation"] = (new.invitation or "")[:LONGEST]
            data["invitation_outcome"] = inviter.outcome
        subject = Subject("user", user_id)
        await record(acting, tx, "partner.registered", subject, partner_id=partner_id, data=data)


def _checked(new: Registration) -> tuple[str, str, str]:
    company = clean_name(new.company_name, "companyName", 200)
    name = clean_name(new.name, "name", 200)
    try:
        decimals_of(new.currency)
        zone(new.time_zone)
    except MoneyError as error:
        raise Invalid(str(error), field=("currency",)) from None
    except ValueError as error:
        raise Invalid(str(error), field=("timeZone",)) from None
    return company, name, clean_email(new.email)


async def _insert_partner(
    scope: Scope, tx: Transaction, company: str, new: Registration, inviter: Inviter | None
) -> int:
    code = "".join(secrets.choice(_CODE_ALPHABET) for _ in range(8))
    rows = await tx.fetch(
        _INSERT_PARTNER,
        code,
        company,
        new.currency,
        new.time_zone,
        inviter.partner_id if inviter else None,
        inviter.promo_id if inviter else None,
        scope.machine_now(),
    )
    partner_id = int(rows[0]["id"])
    await tx.fetch(_INSERT_PROFILE, partner_id, new.accept_terms_version)
    return partner_id


async def confirm_email(scope: Scope, token: str, *, box: SecretBox, approve: bool) -> None:
    """Confirm an e-mail through the mailed link; with `approve`, the partner is approved at once (a setting)."""
    link = await open_link(scope, box, token, Purpose.CONFIRM_EMAIL)
    async with transaction() as tx:
        await use_link(scope, tx, link)
        user: Row = (await tx.fetch(queries.LOCK_USER, link.user_id))[0]
        await tx.fetch(_CONFIRM, user["id"], scope.machine_now())
        await record_for(scope, tx, "user.email_confirmed", user)
        if approve and await tx.fetch(_APPROVE, user["partner_id"]):
            system = Scope.system(scope.clock, scope.request_id)
            subject = Subject("partner", user["partner_id"])
            await record(system, tx, "partner.approved", subject, partner_id=user["partner_id"])


async def resend_confirmation(scope: Scope, email: str, *, box: SecretBox) -> None:
    """Mail the confirmation link again, if the e-mail waits for one. The answer tells nothing.

    The request is recorded with the same statements whoever has the address; the planner of mails does the rest.
    """
    await take_attempt(scope, MAIL_BY_ADDRESS, address_key(scope.ip))
    address = clean_email(email)
    async with transaction() as tx:
        user = await find_by_email(tx, box, address)
        await record_for(scope, tx, "user.confirmation_requested", user)
