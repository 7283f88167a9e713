"""What operators manage: partners, relations, documents, operator users, intake keys (O20, O21)."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import strawberry
from strawberry.types import Info

from app import models
from app.domain.accounts import team, tokens
from app.domain.brands import keys
from app.domain.documents import commands as documents
from app.domain.errors import NotFound
from app.domain.partners import affiliations, commands
from app.domain.partners import reads as partners_domain
from app.domain.permissions import StaffRole
from app.domain.personal import erase_subject
from app.schema.connections import connection
from app.schema.context import context_of, scope_of
from app.schema.errors import UserError
from app.schema.fields import mutation, permission_of
from app.schema.ids import decode_id, decode_optional_id, encode_id
from app.schema.node import Node
from app.schema.types.document import Document, DocumentFilterInput, DocumentPayload
from app.schema.types.operator_affiliation import (
    Affiliation,
    AffiliationFilterInput,
    AffiliationPayload,
)
from app.schema.types.partner import OfPartnerInput, Partner, PartnerFilterInput, PartnerNote
from app.schema.types.users import DonePayload, OperatorUser, PartnerUser, StaffRoleType


def _errors() -> Any:
    return strawberry.field(default_factory=list, description="Empty on success.")


@strawberry.type(description="An intake key of a brand; the secret is shown only when it is made.")
class BrandKey(Node):
    key: str = strawberry.field(description="Sent as X-Authorization-Key.")
    created_at: datetime = strawberry.field(description="UTC.")
    expires_at: datetime | None = strawberry.field(description="UTC; null: until it is ended.")

    @classmethod
    def of(cls, row: models.BrandKey) -> BrandKey:
        """From the model."""
        return cls(
            id=encode_id("BrandKey", row.id),
            key=row.key,
            created_at=row.created_at,
            expires_at=row.expires_at,
        )


@strawberry.type(description="The partner, or why there is none.")
class PartnerPayload:
    partner: Partner | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = _errors()


@strawberry.type(description="The operator user, or why there is none.")
class OperatorPayload:
    user: OperatorUser | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = _errors()


@strawberry.type(description="The key, or why there is none.")
class BrandKeyPayload:
    brand_key: BrandKey | None = strawberry.field(default=None, description="As it is now.")
    secret: str | None = strawberry.field(
        default=None, description="Shown only when the key is made."
    )
    user_errors: list[UserError] = _errors()


@strawberry.input(description="A partner.")
class PartnerInput:
    partner_id: strawberry.ID = strawberry.field(description="Within your limits.")


@strawberry.input(description="A partner, and why.")
class PartnerReasonInput:
    partner_id: strawberry.ID = strawberry.field(description="Within your limits.")
    reason: str = strawberry.field(
        description="At most 500 characters; told to the partner when rejected, never when blocked."
    )


@strawberry.input(description="A partner's personal manager.")
class SetManagerInput:
    partner_id: strawberry.ID = strawberry.field(description="Within your limits.")
    manager_id: strawberry.ID | None = strawberry.field(
        default=None, description="An operator; none: nobody."
    )


@strawberry.input(description="A partner's tags, all of them.")
class SetTagsInput:
    partner_id: strawberry.ID = strawberry.field(description="Within your limits.")
    tags: list[str] = strawberry.field(description="At most 20, of 40 characters.")


@strawberry.input(description="A note about a partner.")
class AddNoteInput:
    partner_id: strawberry.ID = strawberry.field(description="Within your limits.")
    text: str = strawberry.field(description="At most 4,000 characters; partners never see it.")


@strawberry.enum(description="What is decided about an affiliation.")
class AffiliationDecision(Enum):
    ACCEPTED = strawberry.enum_value("accepted", description="Links earn.")
    REJECTED = strawberry.enum_value("rejected", description="Not accepted.")
    SUSPENDED = strawberry.enum_value("suspended", description="Stopped for now.")
    DELETED = strawberry.enum_value("deleted", description="Ended.")


@strawberry.input(description="A decision about an affiliation.")
class DecideAffiliationInput:
    affiliation_id: strawberry.ID = strawberry.field(description="Within your limits.")
    decision: AffiliationDecision = strawberry.field(description="What is decided.")


@strawberry.input(description="A decision about a document.")
class ReviewDocumentInput:
    document_id: strawberry.ID = strawberry.field(description="A pending one.")
    approve: bool = strawberry.field(description="False declines it.")
    reason: str | None = strawberry.field(default=None, description="Needed to decline.")


@strawberry.input(description="A new operator user.")
class InviteOperatorInput:
    email: str = strawberry.field(description="A link to set a password is mailed to it.")
    name: str = strawberry.field(description="At most 200 characters.")
    role: StaffRoleType = strawberry.field(description="What the user may do.")
    brand_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="The brands that an advertiser may see."
    )


@strawberry.input(description="What to change of an operator user; what is left out stays.")
class EditOperatorInput:
    user_id: strawberry.ID = strawberry.field(description="An operator.")
    name: str | None = strawberry.field(default=None, description="At most 200 characters.")
    role: StaffRoleType | None = strawberry.field(default=None, description="What the user may do.")
    brand_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="With the role advertiser: the brands it may see."
    )


@strawberry.input(description="An operator user.")
class OperatorInput:
    user_id: strawberry.ID = strawberry.field(description="An operator.")


@strawberry.input(description="A team member of a partner.")
class PartnerUserInput:
    user_id: strawberry.ID = strawberry.field(description="Within your limits.")


@strawberry.input(description="Whose statistic token.")
class ExpireOperatorTokenInput:
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="An operator, if you manage the staff; none: yourself."
    )


@strawberry.type(description="The team member, or why there is none.")
class PartnerUserPayload:
    user: PartnerUser | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = _errors()


@strawberry.input(description="A person to be erased.")
class ErasePersonInput:
    user_id: strawberry.ID = strawberry.field(description="A team member or operator.")


@strawberry.input(description="A brand.")
class BrandInput:
    brand_id: strawberry.ID = strawberry.field(description="Within your limits.")


@strawberry.input(description="An intake key to end.")
class ExpireBrandKeyInput:
    key_id: strawberry.ID = strawberry.field(description="The key.")
    grace_hours: int = strawberry.field(
        default=24, description="How long it still works, 0 to 2160."
    )


@strawberry.type
class StaffQueries:
    partners = connection(
        Partner,
        partners_domain.partners,
        partners_domain.PartnerOrder,
        PartnerFilterInput,
        "The partners within your limits (O21).",
    )
    operators = connection(OperatorUser, team.team, team.UserOrder, None, "Operator users (O21).")
    affiliations = connection(
        Affiliation,
        affiliations.affiliations,
        affiliations.AffiliationOrder,
        AffiliationFilterInput,
        "Partners' relations to the brands within your limits (O21).",
    )
    documents = connection(
        Document,
        documents.documents_for_review,
        documents.DocumentOrder,
        DocumentFilterInput,
        "Partners' documents (O20).",
    )
    partner_notes = connection(
        PartnerNote,
        partners_domain.notes,
        partners_domain.NoteOrder,
        OfPartnerInput,
        "Notes about partners (O21).",
    )
    partner_users = connection(
        PartnerUser,
        partners_domain.partner_users,
        partners_domain.NoteOrder,
        OfPartnerInput,
        "Team members of partners (O21).",
    )
    brand_keys = connection(
        BrandKey, keys.brand_keys, keys.BrandKeyOrder, None, "Intake keys of brands (O21)."
    )


@strawberry.type
class StaffMutations:
    @mutation(
        permission_of(commands.approve_partner), "Let a pending or rejected partner in (A60)."
    )
    async def approve_partner(self, info: Info[Any, Any], input: PartnerInput) -> PartnerPayload:
        row = await commands.approve_partner(scope_of(info), _partner(input.partner_id))
        return PartnerPayload(partner=Partner.of(row))

    @mutation(permission_of(commands.reject_partner), "Refuse a pending partner.")
    async def reject_partner(
        self, info: Info[Any, Any], input: PartnerReasonInput
    ) -> PartnerPayload:
        row = await commands.reject_partner(
            scope_of(info), _partner(input.partner_id), input.reason
        )
        return PartnerPayload(partner=Partner.of(row))

    @mutation(permission_of(commands.block_partner), "Stop a partner; its sessions end (M1D).")
    async def block_partner(
        self, info: Info[Any, Any], input: PartnerReasonInput
    ) -> PartnerPayload:
        row = await commands.block_partner(scope_of(info), _partner(input.partner_id), input.reason)
        return PartnerPayload(partner=Partner.of(row))

    @mutation(permission_of(commands.unblock_partner), "Let a blocked partner work again.")
    async def unblock_partner(self, info: Info[Any, Any], input: PartnerInput) -> PartnerPayload:
        row = await commands.unblock_partner(scope_of(info), _partner(input.partner_id))
        return PartnerPayload(partner=Partner.of(row))

    @mutation(permission_of(commands.set_manager), "Give a partner a personal manager.")
    async def set_partner_manager(
        self, info: Info[Any, Any], input: SetManagerInput
    ) -> PartnerPayload:
        manager_id = decode_optional_id("OperatorUser", input.manager_id, "managerId")
        row = await commands.set_manager(scope_of(info), _partner(input.partner_id), manager_id)
        return PartnerPayload(partner=Partner.of(row))

    @mutation(permission_of(commands.set_tags), "Replace a partner's tags.")
    async def set_partner_tags(self, info: Info[Any, Any], input: SetTagsInput) -> PartnerPayload:
        row = await commands.set_tags(scope_of(info), _partner(input.partner_id), input.tags)
        return PartnerPayload(partner=Partner.of(row))

    @mutation(permission_of(commands.add_note), "Write something down about a partner.")
    async def add_partner_note(self, info: Info[Any, Any], input: AddNoteInput) -> DonePayload:
        await commands.add_note(scope_of(info), _partner(input.partner_id), input.text)
        return DonePayload(done=True)

    @mutation(
        permission_of(affiliations.decide_affiliation), "Accept, reject, suspend or end a relation."
    )
    async def decide_affiliation(
        self, info: Info[Any, Any], input: DecideAffiliationInput
    ) -> AffiliationPayload:
        row = await affiliations.decide_affiliation(
            scope_of(info),
            decode_id("Affiliation", input.affiliation_id, "affiliationId"),
            affiliations.Decision(_value(input.decision)),
        )
        return AffiliationPayload(affiliation=Affiliation.of(row))

    @mutation(permission_of(documents.review_document), "Approve or decline a document (O20).")
    async def review_document(
        self, info: Info[Any, Any], input: ReviewDocumentInput
    ) -> DocumentPayload:
        row = await documents.review_document(
            scope_of(info),
            decode_id("Document", input.document_id, "documentId"),
            approve=input.approve,
            reason=input.reason,
        )
        return DocumentPayload(document=Document.of(row))

    @mutation(permission_of(team.invite_operator), "Invite an operator or advertiser (O21).")
    async def invite_operator(
        self, info: Info[Any, Any], input: InviteOperatorInput
    ) -> OperatorPayload:
        new = team.Invitation(
            input.email, input.name, StaffRole(_value(input.role)), _brands(input.brand_ids)
        )
        row = await team.invite_operator(scope_of(info), new, box=context_of(info).services.box)
        return OperatorPayload(user=OperatorUser.of(row))

    @mutation(permission_of(team.edit_operator), "Change an operator's name, role or brands.")
    async def edit_operator(
        self, info: Info[Any, Any], input: EditOperatorInput
    ) -> OperatorPayload:
        row = await team.edit_operator(
            scope_of(info),
            _operator(input.user_id),
            name=input.name,
            role=None if input.role is None else StaffRole(_value(input.role)),
            brand_ids=_brands(input.brand_ids),
            box=context_of(info).services.box,
        )
        return OperatorPayload(user=OperatorUser.of(row))

    @mutation(permission_of(team.set_operator_blocked), "Block an operator; its sessions end.")
    async def block_operator(self, info: Info[Any, Any], input: OperatorInput) -> OperatorPayload:
        row = await team.set_operator_blocked(
            scope_of(info), _operator(input.user_id), blocked=True
        )
        return OperatorPayload(user=OperatorUser.of(row))

    @mutation(permission_of(team.set_operator_blocked), "Let a blocked operator in again.")
    async def unblock_operator(self, info: Info[Any, Any], input: OperatorInput) -> OperatorPayload:
        row = await team.set_operator_blocked(
            scope_of(info), _operator(input.user_id), blocked=False
        )
        return OperatorPayload(user=OperatorUser.of(row))

    @mutation(
        permission_of(team.unlock_operator), "Unlock an operator that is locked after failures."
    )
    async def unlock_operator(self, info: Info[Any, Any], input: OperatorInput) -> OperatorPayload:
        row = await team.unlock_operator(scope_of(info), _operator(input.user_id))
        return OperatorPayload(user=OperatorUser.of(row))

    @mutation(
        permission_of(team.unlock_partner_user),
        "Unlock a partner's team member that is locked after failures (O21).",
    )
    async def unlock_partner_user(
        self, info: Info[Any, Any], input: PartnerUserInput
    ) -> PartnerUserPayload:
        user_id = decode_id("PartnerUser", input.user_id, "userId")
        row = await team.unlock_partner_user(scope_of(info), user_id)
        return PartnerUserPayload(user=PartnerUser.of(row))

    @mutation(
        permission_of(tokens.expire_statistic_token),
        "Expire a statistic token: your own, or an operator's (A66).",
    )
    async def expire_statistic_token(
        self, info: Info[Any, Any], input: ExpireOperatorTokenInput
    ) -> DonePayload:
        user_id = None if input.user_id is None else _operator(input.user_id)
        await tokens.expire_statistic_token(scope_of(info), user_id)
        return DonePayload(done=True)

    @mutation(
        permission_of(tokens.expire_statistic_token_of_partner_user),
        "Expire the statistic token of a partner's team member (O21).",
    )
    async def expire_partner_user_statistic_token(
        self, info: Info[Any, Any], input: PartnerUserInput
    ) -> DonePayload:
        user_id = decode_id("PartnerUser", input.user_id, "userId")
        await tokens.expire_statistic_token_of_partner_user(scope_of(info), user_id)
        return DonePayload(done=True)

    @mutation(permission_of(keys.create_brand_key), "Make an intake key of a brand.")
    async def create_brand_key(self, info: Info[Any, Any], input: BrandInput) -> BrandKeyPayload:
        brand_id = decode_id("Brand", input.brand_id, "brandId")
        row, secret = await keys.create_brand_key(
            scope_of(info), brand_id, box=context_of(info).services.box
        )
        return BrandKeyPayload(brand_key=BrandKey.of(row), secret=secret)

    @mutation(permission_of(keys.expire_brand_key), "End an intake key, after a grace.")
    async def expire_brand_key(
        self, info: Info[Any, Any], input: ExpireBrandKeyInput
    ) -> BrandKeyPayload:
        key_id = decode_id("BrandKey", input.key_id, "keyId")
        row = await keys.expire_brand_key(
            scope_of(info), key_id, timedelta(hours=input.grace_hours)
        )
        return BrandKeyPayload(brand_key=BrandKey.of(row))

    @mutation(
        permission_of(erase_subject),
        "Erase a person: the key to all its personal data is destroyed (A6A).",
    )
    async def erase_person(self, info: Info[Any, Any], input: ErasePersonInput) -> DonePayload:
        user_id = decode_optional_user(input.user_id)
        row = await context_of(info).loaders.one(models.User, user_id)
        if row is None:
            raise NotFound("user", field=("userId",))
        return DonePayload(done=await erase_subject(scope_of(info), row.subject_id))


def decode_optional_user(value: strawberry.ID) -> int:
    """The id of a user of either kind; raises NotFound."""
    try:
        return decode_id("PartnerUser", value, "userId")
    except NotFound:
        return decode_id("OperatorUser", value, "userId")


def _partner(value: strawberry.ID) -> int:
    return decode_id("Partner", value, "partnerId")


def _operator(value: strawberry.ID) -> int:
    return decode_id("OperatorUser", value, "userId")


def _brands(values: list[strawberry.ID]) -> tuple[int, ...]:
    return tuple(decode_id("Brand", value, "brandIds") for value in values)


def _value(member: Enum) -> str:
    return str(member.value)
