"""Postbacks of a partner: configuring them, and the workbench of their templates (A13 to A16, X07)."""

from __future__ import annotations

from typing import Any

import strawberry
from strawberry.types import Info

from app.domain.postbacks import configure, reads
from app.domain.postbacks.actions import Action
from app.domain.postbacks.check import check_template
from app.domain.postbacks.tags import seen_tags
from app.domain.postbacks.template import read_template
from app.models import Postback as Row
from app.schema.connections import connection
from app.schema.context import context_of, scope_of
from app.schema.fields import mutation, permission_of, query
from app.schema.ids import encode_id
from app.schema.types.postback import Postback
from app.schema.types.postback_inputs import (
    CreatePostbackInput,
    CreatePostbackPayload,
    DeletePostbackPayload,
    EditPostbackInput,
    PostbackFilterInput,
    PostbackInput,
    PostbackPayload,
    action_of,
    refused,
)
from app.schema.types.template import (
    CheckTemplateInput,
    PostbackVariables,
    TemplateCheck,
    TemplateProblem,
    TemplateWarning,
)


def allows_private(info: Info[Any, Any]) -> bool:
    """Whether postbacks may go to private networks: on demo and test machines."""
    return context_of(info).services.settings.allow_private_targets


async def warnings_of(info: Info[Any, Any], row: Row) -> list[TemplateWarning]:
    """What is doubtful about a saved postback."""
    place = reads.Place.CAMPAIGN if row.campaign_id else reads.Place.ACCOUNT
    place = reads.Place.PROMO if row.promo_id else place
    found = await reads.template_warnings(
        scope_of(info), row.url, Action(row.action), place, row.partner_id
    )
    return [TemplateWarning.of(warning) for warning in found]


@strawberry.type
class TemplateQueries:
    @query(
        permission_of(seen_tags),
        "What ${name} may be in a postback. A name that is not built in is a parameter of the link; "
        "${tag.name} is the parameter even where the name is built in (A14).",
    )
    async def postback_variables(self) -> PostbackVariables:
        return PostbackVariables()

    @query(
        permission_of(reads.template_warnings),
        "Look at a template without saving it: mistakes with their places, the corrected text, warnings (A16).",
    )
    async def check_postback_template(
        self, info: Info[Any, Any], input: CheckTemplateInput
    ) -> TemplateCheck:
        place = await reads.place_of(scope_of(info), *input.ids())
        checked = check_template(input.url, allow_private=allows_private(info))
        good = checked.corrected
        doubts = []
        if good is not None:
            doubts = await reads.template_warnings(
                scope_of(info), good, action_of(input.action), place
            )
        return TemplateCheck(
            url=checked.url,
            is_valid=not checked.problems,
            problems=[TemplateProblem.of(problem) for problem in checked.problems],
            corrected_url=good,
            warnings=[TemplateWarning.of(warning) for warning in doubts],
            variables=list(read_template(good or checked.url).names),
        )


@strawberry.type
class PostbackQueries(TemplateQueries):
    postbacks = connection(
        Postback,
        reads.postbacks,
        reads.PostbackOrder,
        PostbackFilterInput,
        "Your postbacks (A13).",
    )


@strawberry.type
class PostbackMutations:
    @mutation(
        permission_of(configure.create_postback),
        "Create a postback for the account, a campaign or a promo (A13).",
    )
    async def create_postback(
        self, info: Info[Any, Any], input: CreatePostbackInput
    ) -> CreatePostbackPayload:
        private = allows_private(info)
        try:
            row = await configure.create_postback(
                scope_of(info), input.to_domain(), allow_private=private
            )
        except configure.InvalidTemplate as error:
            problems, corrected, errors = refused(error)
            return CreatePostbackPayload(
                problems=problems, corrected_url=corrected, user_errors=errors
            )
        return CreatePostbackPayload(
            postback=Postback.of(row), warnings=await warnings_of(info, row)
        )

    @mutation(
        permission_of(configure.edit_postback),
        "Change a postback; what waits to be sent keeps its URL.",
    )
    async def edit_postback(
        self, info: Info[Any, Any], input: EditPostbackInput
    ) -> PostbackPayload:
        postback_id = PostbackInput(postback_id=input.postback_id).row_id()
        private = allows_private(info)
        try:
            row = await configure.edit_postback(
                scope_of(info), postback_id, input.to_domain(), allow_private=private
            )
        except configure.InvalidTemplate as error:
            problems, corrected, errors = refused(error)
            return PostbackPayload(problems=problems, corrected_url=corrected, user_errors=errors)
        return PostbackPayload(postback=Postback.of(row), warnings=await warnings_of(info, row))

    @mutation(
        permission_of(configure.enable_postback),
        "Switch a postback on again, also one that was disabled after days of failed calls (A19).",
    )
    async def enable_postback(self, info: Info[Any, Any], input: PostbackInput) -> PostbackPayload:
        row = await configure.enable_postback(scope_of(info), input.row_id())
        return PostbackPayload(postback=Postback.of(row))

    @mutation(
        permission_of(configure.disable_postback),
        "Switch a postback off: what waits is cancelled, and can be replayed once it is on again.",
    )
    async def disable_postback(self, info: Info[Any, Any], input: PostbackInput) -> PostbackPayload:
        row = await configure.disable_postback(scope_of(info), input.row_id())
        return PostbackPayload(postback=Postback.of(row))

    @mutation(
        permission_of(configure.delete_postback),
        "Delete a postback: what waits is cancelled, its log stays.",
    )
    async def delete_postback(
        self, info: Info[Any, Any], input: PostbackInput
    ) -> DeletePostbackPayload:
        row = await configure.delete_postback(scope_of(info), input.row_id())
        return DeletePostbackPayload(deleted_id=encode_id("Postback", row.id))
