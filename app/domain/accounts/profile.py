"""A user's own profile and preferences (A65)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.accounts.sessions import require_session
from app.domain.errors import Invalid
from app.domain.events import Subject, record
from app.domain.permissions import Permission, requires
from app.domain.personal import update_subject
from app.domain.scope import Scope
from app.domain.text import clean_name
from app.infra.clock import zone
from app.infra.crypto import SecretBox
from app.infra.database import transaction
from app.infra.encoding import dumps_text
from app.infra.money import MoneyError, decimals_of
from app.models import User

LANGUAGES = ("en", "de", "es", "fr", "it", "pl", "pt", "ro")
# Mails besides those about the account itself, which are always sent.
MAIL_KINDS = ("news", "reports", "money")

_UPDATE = """
UPDATE users SET
    language = COALESCE($2, language),
    time_zone = COALESCE($3, time_zone),
    report_currency = COALESCE($4, report_currency),
    mail_preferences = mail_preferences || $5::jsonb
WHERE id = $1
"""


@dataclass(frozen=True, slots=True)
class ProfileChange:
    """What is to change; None and absent keys stay as they are."""

    name: str | None = None
    language: str | None = None
    time_zone: str | None = None
    report_currency: str | None = None
    mail_preferences: Mapping[str, bool] | None = None


@requires(Permission.READ_ACCOUNT)
async def update_profile(scope: Scope, change: ProfileChange, *, box: SecretBox) -> User:
    """Change the signed-in user's own profile. Raises Invalid naming the field."""
    require_session(scope)
    name = None if change.name is None else clean_name(change.name, "name", 200)
    _check(change)
    async with transaction() as tx:
        user = await scope.query(User).get(id=scope.actor.id)
        if name is not None:
            await update_subject(tx, box, user.subject_id, {"name": name})
        preferences = dumps_text(dict(change.mail_preferences or {}))
        await tx.fetch(
            _UPDATE,
            user.id,
            change.language,
            change.time_zone,
            change.report_currency,
            preferences,
        )
        changed = [
            field
            for field in ("name", "language", "time_zone", "report_currency", "mail_preferences")
            if getattr(change, field) is not None
        ]
        subject = Subject("user", user.id)
        await record(
            scope,
            tx,
            "user.profile_updated",
            subject,
            partner_id=scope.partner_id,
            data={"changed": changed},
        )
    return await scope.query(User).get(id=scope.actor.id)


def _check(change: ProfileChange) -> None:
    if change.language is not None and change.language not in LANGUAGES:
        raise Invalid(f"language is one of {', '.join(LANGUAGES)}", field=("language",))
    try:
        if change.time_zone is not None:
            zone(change.time_zone)
    except ValueError as error:
        raise Invalid(str(error), field=("timeZone",)) from None
    try:
        if change.report_currency is not None:
            decimals_of(change.report_currency)
    except MoneyError as error:
        raise Invalid(str(error), field=("reportCurrency",)) from None
    if unknown := set(change.mail_preferences or {}) - set(MAIL_KINDS):
        raise Invalid(f"{sorted(unknown)[0]!r} is no kind of mail", field=("mailPreferences",))
