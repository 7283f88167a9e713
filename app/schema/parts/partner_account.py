"""The partner's account: registration, team, documents, affiliations (A60, A64, A67)."""

from __future__ import annotations

from enum import Enum
from typing import Any

import strawberry
from strawberry.types import Info

from app.domain.accounts import registration, team, tokens
from app.domain.documents import commands as documents
from app.domain.partners import affiliations
from app.domain.permissions import PartnerRole
from app.schema.connections import connection
from app.schema.context import context_of, scope_of, visitor_scope
from app.schema.errors import UserError
from app.schema.fields import Access, mutation, permission_of
from app.schema.ids import decode_id
from app.schema.parts.access import EmailInput, LinkInput
from app.schema.scalars import CurrencyCode
from app.schema.types.affiliation import Affiliation, AffiliationFilterInput, AffiliationPayload
from app.schema.types.document import Document, DocumentFilterInput
from app.schema.types.users import DonePayload, PartnerRoleType, PartnerUser


@strawberry.input(description="A new partner account with its owner.")
class RegisterPartnerInput:
    company_name: str = strawberry.field(description="The account, such as Review Hub Ltd.")
    name: str = strawberry.field(description="Your own name.")
    email: str = strawberry.field(description="Your e-mail; a link is mailed to it.")
    password: str = strawberry.field(description="10 to 200 characters.")
    currency: CurrencyCode = strawberry.field(description="The default of your reports.")
    time_zone: str = strawberry.field(default="UTC", description="Such as Europe/Bucharest.")
    accept_terms_version: int = strawberry.field(
        description="The number of presentTerms; 0 when there are none."
    )
    invitation: str | None = strawberry.field(
        default=None,
        description="By whom you came: the stag of the link, such as 45_455881081474779136, or a promo's code or link.",
    )


@strawberry.input(description="A new team member.")
class InviteMemberInput:
    email: str = strawberry.field(description="A link to set a password is mailed to it.")
    name: str = strawberry.field(description="At most 200 characters.")
    role: PartnerRoleType = strawberry.field(description="What the member may do.")


@strawberry.input(description="What to change of a team member; what is left out stays.")
class EditMemberInput:
    user_id: strawberry.ID = strawberry.field(description="A member of your team.")
    name: str | None = strawberry.field(default=None, description="At most 200 characters.")
    role: PartnerRoleType | None = strawberry.field(
        default=None, description="What the member may do."
    )


@strawberry.input(description="A team member.")
class MemberInput:
    user_id: strawberry.ID = strawberry.field(description="A member of your team.")


@strawberry.type(description="The team member, or why there is none.")
class MemberPayload:
    user: PartnerUser | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )


@strawberry.input(description="A document.")
class DocumentInput:
    document_id: strawberry.ID = strawberry.field(description="One of your own.")


@strawberry.input(description="A brand to promote.")
class ApplyInput:
    brand_id: strawberry.ID = strawberry.field(description="The brand.")
    accept_terms_version: int | None = strawberry.field(
        default=None, description="The number of the brand's presentTerms, when it has some."
    )


@strawberry.input(description="Whose statistic token.")
class ExpireStatisticTokenInput:
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="A teammate, if you are an owner; none: yourself."
    )


@strawberry.type
class PartnerAccountQueries:
    team = connection(PartnerUser, team.team, team.UserOrder, None, "Your team (A64).")
    documents = connection(
        Document,
        documents.documents,
        documents.DocumentOrder,
        DocumentFilterInput,
        "Your documents (A67).",
    )
    affiliations = connection(
        Affiliation,
        affiliations.affiliations,
        affiliations.AffiliationOrder,
        AffiliationFilterInput,
        "Your relations to brands.",
    )


@strawberry.type
class PartnerAccountMutations:
    @mutation(
        Access.PUBLIC, "Register a partner account. The answer is the same for every address (A60)."
    )
    async def register_partner(
        self, info: Info[Any, Any], input: RegisterPartnerInput
    ) -> DonePayload:
        new = registration.Registration(
            input.company_name,
            input.name,
            input.email,
            input.password,
            input.currency,
            input.time_zone,
            input.accept_terms_version,
            input.invitation,
        )
        await registration.register_partner(
            visitor_scope(info), new, box=context_of(info).services.box
        )
        return DonePayload(done=True)

    @mutation(Access.PUBLIC, "Confirm an e-mail by the mailed link.")
    async def confirm_email(self, info: Info[Any, Any], input: LinkInput) -> DonePayload:
        services = context_of(info).services
        await registration.confirm_email(
            visitor_scope(info),
            input.token,
            box=services.box,
            approve=services.settings.auto_approve_partners,
        )
        return DonePayload(done=True)

    @mutation(
        Access.PUBLIC, "Mail the confirmation link again. The answer is the same for every address."
    )
    async def resend_confirmation(self, info: Info[Any, Any], input: EmailInput) -> DonePayload:
        await registration.resend_confirmation(
            visitor_scope(info), input.email, box=context_of(info).services.box
        )
        return DonePayload(done=True)

    @mutation(permission_of(team.invite_member), "Invite a team member (A64).")
    async def invite_member(self, info: Info[Any, Any], input: InviteMemberInput) -> MemberPayload:
        new = team.Invitation(input.email, input.name, PartnerRole(_value(input.role)))
        row = await team.invite_member(scope_of(info), new, box=context_of(info).services.box)
        return MemberPayload(user=PartnerUser.of(row))

    @mutation(permission_of(team.edit_member), "Change a team member's name or role.")
    async def edit_member(self, info: Info[Any, Any], input: EditMemberInput) -> MemberPayload:
        row = await team.edit_member(
            scope_of(info),
            _member(input.user_id),
            name=input.name,
            role=None if input.role is None else PartnerRole(_value(input.role)),
            box=context_of(info).services.box,
        )
        return MemberPayload(user=PartnerUser.of(row))

    @mutation(permission_of(team.set_member_blocked), "Block a team member; its sessions end.")
    async def block_member(self, info: Info[Any, Any], input: MemberInput) -> MemberPayload:
        row = await team.set_member_blocked(scope_of(info), _member(input.user_id), blocked=True)
        return MemberPayload(user=PartnerUser.of(row))

    @mutation(permission_of(team.set_member_blocked), "Let a blocked team member in again.")
    async def unblock_member(self, info: Info[Any, Any], input: MemberInput) -> MemberPayload:
        row = await team.set_member_blocked(scope_of(info), _member(input.user_id), blocked=False)
        return MemberPayload(user=PartnerUser.of(row))

    @mutation(
        permission_of(team.unlock_member), "Unlock a team member that is locked after failures."
    )
    async def unlock_member(self, info: Info[Any, Any], input: MemberInput) -> MemberPayload:
        return MemberPayload(
            user=PartnerUser.of(await team.unlock_member(scope_of(info), _member(input.user_id)))
        )

    @mutation(permission_of(tokens.expire_statistic_token), "Expire a statistic token (A66).")
    async def expire_statistic_token(
        self, info: Info[Any, Any], input: ExpireStatisticTokenInput
    ) -> DonePayload:
        user_id = None if input.user_id is None else _member(input.user_id)
        await tokens.expire_statistic_token(scope_of(info), user_id)
        return DonePayload(done=True)

    @mutation(
        permission_of(documents.delete_document), "Delete a document that was not approved (A67)."
    )
    async def delete_document(self, info: Info[Any, Any], input: DocumentInput) -> DonePayload:
        document_id = decode_id("Document", input.document_id, "documentId")
        await documents.delete_document(scope_of(info), document_id)
        return DonePayload(done=True)

    @mutation(permission_of(affiliations.apply_to_brand), "Ask to promote a brand.")
    async def apply_to_brand(self, info: Info[Any, Any], input: ApplyInput) -> AffiliationPayload:
        row = await affiliations.apply_to_brand(
            scope_of(info),
            decode_id("Brand", input.brand_id, "brandId"),
            input.accept_terms_version,
        )
        return AffiliationPayload(affiliation=Affiliation.of(row))


def _member(value: strawberry.ID) -> int:
    return decode_id("PartnerUser", value, "userId")


def _value(member: Enum) -> str:
    return str(member.value)
