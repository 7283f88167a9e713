"""Users, sessions and tokens in GraphQL."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from strawberry.types import Info

from app import models
from app.domain.accounts.profile import MAIL_KINDS
from app.domain.accounts.sessions import SignedInUser
from app.domain.permissions import Permission
from app.schema.context import context_of, scope_of
from app.schema.errors import UserError
from app.schema.ids import encode_id
from app.schema.node import Node
from app.schema.scalars import CurrencyCode


@strawberry.enum(name="PartnerRole", description="What a team member may do.")
class PartnerRoleType(Enum):
    OWNER = strawberry.enum_value("owner", description="Everything, the team and money included.")
    MANAGER = strawberry.enum_value("manager", description="Campaigns, promos and postbacks.")
    FINANCE = strawberry.enum_value(
        "finance", description="Bills, balance, cash-outs and documents."
    )
    VIEWER = strawberry.enum_value("viewer", description="Reads, changes nothing.")


@strawberry.enum(name="StaffRole", description="What an operator user may do.")
class StaffRoleType(Enum):
    OWNER = strawberry.enum_value("owner", description="Everything.")
    AFFILIATE_MANAGER = strawberry.enum_value(
        "affiliate_manager", description="Partners, their relations and their campaigns."
    )
    FINANCE = strawberry.enum_value(
        "finance", description="Bills, balances, cash-outs and documents."
    )
    CONTENT = strawberry.enum_value("content", description="Offers, banners and news.")
    SUPPORT = strawberry.enum_value("support", description="Reads, to help partners.")
    ADVERTISER = strawberry.enum_value(
        "advertiser", description="A brand's own user, limited to its brands."
    )


@strawberry.enum(description="Whether a user may sign in.")
class UserState(Enum):
    INVITED = strawberry.enum_value("invited", description="Has not set a password yet.")
    ACTIVE = strawberry.enum_value("active", description="May sign in.")
    LOCKED = strawberry.enum_value("locked", description="Locked after failures, until unlocked.")
    BLOCKED = strawberry.enum_value("blocked", description="Stopped by an owner or operator.")


def _state(row: models.User) -> UserState:
    if row.state == "blocked":
        return UserState.BLOCKED
    if row.locked_at is not None:
        return UserState.LOCKED
    return UserState.INVITED if row.password_hash is None else UserState.ACTIVE


_make_enum: Any = strawberry.enum
PermissionType = _make_enum(
    Enum(
        "Permission",
        {
            item.name: strawberry.enum_value(item.value, description=f"`{item.value}`")
            for item in Permission
            if item not in {Permission.OPERATE, Permission.SEND_BRAND_DATA}
        },
    ),
    description="What a caller may do; each field says which one it needs.",
)


@strawberry.interface(description="Somebody who signs in.")
class User(Node):
    state: UserState = strawberry.field(description="Whether the user may sign in.")
    two_factor: bool = strawberry.field(description="Whether 2FA is on.")
    last_sign_in_at: datetime | None = strawberry.field(description="UTC; null before the first.")
    created_at: datetime = strawberry.field(description="UTC.")
    row: strawberry.Private[models.User]

    @strawberry.field(description="Such as paula@partner.example; null of an erased person.")
    async def email(self, info: Info[Any, Any]) -> str | None:
        person = await context_of(info).loaders.person(self.row.subject_id)
        return person.get("email")

    @strawberry.field(description="Such as Paula Partner; null of an erased person.")
    async def name(self, info: Info[Any, Any]) -> str | None:
        person = await context_of(info).loaders.person(self.row.subject_id)
        return person.get("name")


def _shared(row: models.User) -> dict[str, Any]:
    return {
        "state": _state(row),
        "two_factor": row.totp_secret is not None,
        "last_sign_in_at": row.last_sign_in_at,
        "created_at": row.created_at,
        "row": row,
    }


@strawberry.type(description="A team member of a partner.")
class PartnerUser(User):
    role: PartnerRoleType = strawberry.field(description="What the user may do.")

    @classmethod
    def of(cls, row: models.User) -> PartnerUser:
        """From the model."""
        return cls(
            id=encode_id("PartnerUser", row.id), role=PartnerRoleType(row.role), **_shared(row)
        )


@strawberry.type(description="An operator or advertiser.")
class OperatorUser(User):
    role: StaffRoleType = strawberry.field(description="What the user may do.")
    brand_ids: list[strawberry.ID] | None = strawberry.field(
        description="The brands that an advertiser is limited to; null: all."
    )

    @classmethod
    def of(cls, row: models.User) -> OperatorUser:
        """From the model."""
        brands = (
            None if row.brand_ids is None else [encode_id("Brand", item) for item in row.brand_ids]
        )
        return cls(
            id=encode_id("OperatorUser", row.id),
            role=StaffRoleType(row.role),
            brand_ids=brands,
            **_shared(row),
        )


@strawberry.type(description="One sign-in.")
class Session(Node):
    ip: str | None = strawberry.field(description="The address it was opened from.")
    device: str | None = strawberry.field(description="The browser or program, as it names itself.")
    created_at: datetime = strawberry.field(description="UTC.")
    last_used_at: datetime = strawberry.field(description="UTC, to the minute.")
    expires_at: datetime = strawberry.field(description="UTC.")
    row: strawberry.Private[models.Session]

    @strawberry.field(description="Whether it is the session of this request.")
    def current(self, info: Info[Any, Any]) -> bool:
        return bool(self.row.id == scope_of(info).session_id)

    @classmethod
    def of(cls, row: models.Session) -> Session:
        """From the model."""
        return cls(
            id=encode_id("Session", row.id),
            ip=row.ip,
            device=row.user_agent,
            created_at=row.created_at,
            last_used_at=row.last_used_at,
            expires_at=row.expires_at,
            row=row,
        )


@strawberry.type(description="A token of a script.")
class ApiToken(Node):
    name: str = strawberry.field(description="Such as Nightly export.")
    permissions: list[PermissionType] = strawberry.field(  # type: ignore[valid-type]
        description="What it carries, as far as its user's role still grants it."
    )
    created_at: datetime = strawberry.field(description="UTC.")
    expires_at: datetime | None = strawberry.field(description="UTC; null: never.")
    last_used_at: datetime | None = strawberry.field(description="UTC, to the minute.")

    @classmethod
    def of(cls, row: models.ApiToken) -> ApiToken:
        """From the model."""
        return cls(
            id=encode_id("ApiToken", row.id),
            name=row.name,
            permissions=[PermissionType(item) for item in row.permissions],
            created_at=row.created_at,
            expires_at=row.expires_at,
            last_used_at=row.last_used_at,
        )


@strawberry.type(description="A kind of mail, and whether you want it.")
class MailPreference:
    kind: str = strawberry.field(description="news, reports or money.")
    wanted: bool = strawberry.field(description="Mails about the account itself are always sent.")


@strawberry.type(description="The signed-in user's own preferences.")
class Preferences:
    language: str = strawberry.field(description="Of mails and messages, such as en.")
    time_zone: str = strawberry.field(
        description="For showing timestamps, such as Europe/Bucharest."
    )
    report_currency: CurrencyCode | None = strawberry.field(description="The default of reports.")
    mail_preferences: list[MailPreference] = strawberry.field(
        description="Every kind of mail that can be switched off, in the form in which it is changed."
    )
    unwanted_mails: list[str] = strawberry.field(
        description="The kinds of mail that you do not want: news, reports or money."
    )


def preferences_of(user: SignedInUser) -> Preferences:
    """The preferences of whoever is signed in."""
    currency = None if user.report_currency is None else CurrencyCode(user.report_currency)
    return Preferences(
        language=user.language,
        time_zone=user.time_zone,
        report_currency=currency,
        mail_preferences=[
            MailPreference(kind=kind, wanted=kind not in user.unwanted_mails) for kind in MAIL_KINDS
        ],
        unwanted_mails=list(user.unwanted_mails),
    )


@strawberry.type(description="Whether it was done, or why not.")
class DonePayload:
    done: bool = strawberry.field(default=False, description="True on success.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )
