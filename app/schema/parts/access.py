"""Signing in and out, one's own password, 2FA, sessions, tokens and preferences: the same in both schemas."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from strawberry.types import Info

from app.domain.accounts import passwords, profile, sessions, tokens, two_factor
from app.domain.accounts.links import Purpose
from app.domain.accounts.sign_in import unlock_by_link
from app.domain.permissions import Permission
from app.schema.connections import connection
from app.schema.context import context_of, scope_of, visitor_scope
from app.schema.errors import UserError
from app.schema.fields import Access, mutation, permission_of, query
from app.schema.ids import decode_id
from app.schema.scalars import CurrencyCode
from app.schema.types.session import LogoutPayload, log_out
from app.schema.types.users import ApiToken, DonePayload, PermissionType, Session


def _errors() -> Any:
    return strawberry.field(default_factory=list, description="Empty on success.")


@strawberry.input(description="An e-mail address.")
class EmailInput:
    email: str = strawberry.field(description="Such as paula@partner.example.")


@strawberry.input(description="The token of a mailed link.")
class LinkInput:
    token: str = strawberry.field(description="From the link's `token` parameter.")


@strawberry.input(description="A new password, by a mailed link.")
class SetPasswordInput:
    token: str = strawberry.field(description="From the link's `token` parameter.")
    password: str = strawberry.field(description="10 to 200 characters.")


@strawberry.input(description="A new password.")
class ChangePasswordInput:
    present_password: str = strawberry.field(description="The one that is to be replaced.")
    password: str = strawberry.field(description="10 to 200 characters.")


@strawberry.type(description="What an authenticator app needs, shown once.")
class TwoFactorEnrolment:
    secret: str = strawberry.field(description="To be typed in, such as JBSWY3DPEHPK3PXP.")
    uri: str = strawberry.field(description="otpauth:// address.")
    qr_svg: str = strawberry.field(description="The same as an SVG image.")


@strawberry.type(description="The secret to confirm, or why there is none.")
class BeginTwoFactorPayload:
    enrolment: TwoFactorEnrolment | None = strawberry.field(
        default=None, description="Shown only here."
    )
    user_errors: list[UserError] = _errors()


@strawberry.input(description="A code of the authenticator app.")
class CodeInput:
    code: str = strawberry.field(description="Six digits; spaces are ignored.")


@strawberry.input(description="Password and code.")
class PasswordAndCodeInput:
    password: str = strawberry.field(description="The present password.")
    code: str = strawberry.field(description="Six digits, or a recovery code.")


@strawberry.type(description="Recovery codes, or why there are none.")
class RecoveryCodesPayload:
    recovery_codes: list[str] | None = strawberry.field(
        default=None, description="Each replaces the app once. Shown only here."
    )
    user_errors: list[UserError] = _errors()


@strawberry.input(description="A session.")
class TerminateSessionInput:
    session_id: strawberry.ID = strawberry.field(description="One of your own, or of your team.")


@strawberry.type(description="A statistic token, or why there is none.")
class StatisticTokenPayload:
    token: str | None = strawberry.field(
        default=None, description="For report feeds and the report API."
    )
    user_errors: list[UserError] = _errors()


@strawberry.input(description="A new token for a script.")
class CreateApiTokenInput:
    name: str = strawberry.field(description="At most 100 characters, such as Nightly export.")
    permissions: list[PermissionType] = strawberry.field(
        description="What it may do; nothing that you may not do yourself."
    )
    expires_at: datetime | None = strawberry.field(
        default=None, description="None: it does not expire."
    )


@strawberry.type(description="The new token, or why there is none.")
class CreateApiTokenPayload:
    api_token: ApiToken | None = strawberry.field(
        default=None, description="The token as it is listed."
    )
    token: str | None = strawberry.field(default=None, description="Its text, shown only here.")
    user_errors: list[UserError] = _errors()


@strawberry.input(description="An API token.")
class RevokeApiTokenInput:
    token_id: strawberry.ID = strawberry.field(description="One of your own.")


@strawberry.input(description="A kind of mail, and whether it is wanted.")
class MailPreferenceInput:
    kind: str = strawberry.field(description="news, reports or money.")
    wanted: bool = strawberry.field(description="Mails about the account itself are always sent.")


@strawberry.input(description="What to change of your own profile; what is left out stays.")
class UpdateProfileInput:
    name: str | None = strawberry.field(default=None, description="Your name.")
    language: str | None = strawberry.field(default=None, description="Such as en.")
    time_zone: str | None = strawberry.field(default=None, description="Such as Europe/Bucharest.")
    report_currency: CurrencyCode | None = strawberry.field(
        default=None, description="The default of reports."
    )
    mail_preferences: list[MailPreferenceInput] | None = strawberry.field(
        default=None, description="Which mails you want."
    )


@strawberry.type
class AccessQueries:
    sessions = connection(
        Session,
        sessions.own_sessions,
        sessions.SessionOrder,
        None,
        "Your live sessions (A63).",
    )
    api_tokens = connection(
        ApiToken, tokens.api_tokens, tokens.ApiTokenOrder, None, "Your API tokens."
    )

    @query(
        permission_of(tokens.statistic_token),
        "Your statistic token (A66); null when there is none.",
    )
    async def statistic_token(self, info: Info[Any, Any]) -> str | None:
        return await tokens.statistic_token(scope_of(info), box=context_of(info).services.box)


@strawberry.type
class AccessMutations:
    @mutation(Access.SIGNED_IN, "End the session of this request.")
    async def logout(self, info: Info[Any, Any]) -> LogoutPayload:
        return await log_out(info)

    @mutation(
        Access.PUBLIC,
        "Mail a link to set a new password. The answer is the same for every address.",
    )
    async def request_password_reset(self, info: Info[Any, Any], input: EmailInput) -> DonePayload:
        await passwords.request_reset(
            visitor_scope(info), input.email, box=context_of(info).services.box
        )
        return DonePayload(done=True)

    @mutation(Access.PUBLIC, "Set a new password by a mailed link; every session ends.")
    async def reset_password(self, info: Info[Any, Any], input: SetPasswordInput) -> DonePayload:
        return await _set_password(info, input, Purpose.RESET_PASSWORD)

    @mutation(Access.PUBLIC, "Set the first password by the link of an invitation.")
    async def accept_invitation(self, info: Info[Any, Any], input: SetPasswordInput) -> DonePayload:
        return await _set_password(info, input, Purpose.INVITATION)

    @mutation(Access.PUBLIC, "Unlock an account by the mailed link (A61).")
    async def unlock_account(self, info: Info[Any, Any], input: LinkInput) -> DonePayload:
        await unlock_by_link(visitor_scope(info), input.token, box=context_of(info).services.box)
        return DonePayload(done=True)

    @mutation(Access.SIGNED_IN, "Change your password; your other sessions end.")
    async def change_password(
        self, info: Info[Any, Any], input: ChangePasswordInput
    ) -> DonePayload:
        box = context_of(info).services.box
        await passwords.change_password(
            scope_of(info), input.present_password, input.password, box=box
        )
        return DonePayload(done=True)

    @mutation(permission_of(two_factor.begin_two_factor), "Begin to switch 2FA on (A62).")
    async def begin_two_factor(self, info: Info[Any, Any]) -> BeginTwoFactorPayload:
        begun = await two_factor.begin_two_factor(scope_of(info), box=context_of(info).services.box)
        return BeginTwoFactorPayload(
            enrolment=TwoFactorEnrolment(secret=begun.secret, uri=begun.uri, qr_svg=begun.qr_svg)
        )

    @mutation(
        permission_of(two_factor.confirm_two_factor), "Switch 2FA on with a code of the new secret."
    )
    async def confirm_two_factor(
        self, info: Info[Any, Any], input: CodeInput
    ) -> RecoveryCodesPayload:
        box = context_of(info).services.box
        codes = await two_factor.confirm_two_factor(scope_of(info), input.code, box=box)
        return RecoveryCodesPayload(recovery_codes=codes)

    @mutation(permission_of(two_factor.disable_two_factor), "Switch 2FA off.")
    async def disable_two_factor(
        self, info: Info[Any, Any], input: PasswordAndCodeInput
    ) -> DonePayload:
        box = context_of(info).services.box
        await two_factor.disable_two_factor(scope_of(info), input.password, input.code, box=box)
        return DonePayload(done=True)

    @mutation(
        permission_of(two_factor.renew_recovery_codes),
        "Make new recovery codes; the earlier ones end.",
    )
    async def renew_recovery_codes(
        self, info: Info[Any, Any], input: PasswordAndCodeInput
    ) -> RecoveryCodesPayload:
        codes = await two_factor.renew_recovery_codes(
            scope_of(info), input.password, input.code, box=context_of(info).services.box
        )
        return RecoveryCodesPayload(recovery_codes=codes)

    @mutation(
        permission_of(sessions.terminate_session), "End a session of yours or of your team (A63)."
    )
    async def terminate_session(
        self, info: Info[Any, Any], input: TerminateSessionInput
    ) -> DonePayload:
        session_id = decode_id("Session", input.session_id, "sessionId")
        await sessions.terminate_session(scope_of(info), session_id)
        return DonePayload(done=True)

    @mutation(
        permission_of(tokens.issue_statistic_token),
        "Make a new statistic token; the earlier one ends (A66).",
    )
    async def issue_statistic_token(self, info: Info[Any, Any]) -> StatisticTokenPayload:
        token = await tokens.issue_statistic_token(
            scope_of(info), box=context_of(info).services.box
        )
        return StatisticTokenPayload(token=token)

    @mutation(permission_of(tokens.create_api_token), "Make a token for a script.")
    async def create_api_token(
        self, info: Info[Any, Any], input: CreateApiTokenInput
    ) -> CreateApiTokenPayload:
        permissions = [Permission(_value(item)) for item in input.permissions]
        new = tokens.NewApiToken(input.name, permissions, input.expires_at)
        row, token = await tokens.create_api_token(scope_of(info), new)
        return CreateApiTokenPayload(api_token=ApiToken.of(row), token=token)

    @mutation(permission_of(tokens.revoke_api_token), "End a token of yours.")
    async def revoke_api_token(
        self, info: Info[Any, Any], input: RevokeApiTokenInput
    ) -> DonePayload:
        await tokens.revoke_api_token(
            scope_of(info), decode_id("ApiToken", input.token_id, "tokenId")
        )
        return DonePayload(done=True)

    @mutation(
        permission_of(profile.update_profile), "Change your own profile and preferences (A65)."
    )
    async def update_profile(self, info: Info[Any, Any], input: UpdateProfileInput) -> DonePayload:
        preferences = None
        if input.mail_preferences is not None:
            preferences = {item.kind: item.wanted for item in input.mail_preferences}
        change = profile.ProfileChange(
            input.name, input.language, input.time_zone, input.report_currency, preferences
        )
        await profile.update_profile(scope_of(info), change, box=context_of(info).services.box)
        return DonePayload(done=True)


async def _set_password(
    info: Info[Any, Any], given: SetPasswordInput, purpose: Purpose
) -> DonePayload:
    await passwords.set_password_by_link(
        visitor_scope(info),
        given.token,
        given.password,
        box=context_of(info).services.box,
        purpose=purpose,
    )
    return DonePayload(done=True)


def _value(member: Enum) -> str:
    return str(member.value)
