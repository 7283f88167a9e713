"""Postbacks of any partner, as operators see and stop them."""

from __future__ import annotations

from typing import Any

import strawberry
from strawberry.types import Info

from app.domain.postbacks import configure, reads
from app.schema.connections import connection
from app.schema.context import scope_of
from app.schema.fields import mutation, permission_of
from app.schema.ids import decode_id
from app.schema.parts.postbacks import TemplateQueries
from app.schema.types.operator_postback import PostbackFilterInput, PostbackReasonInput
from app.schema.types.postback import Postback
from app.schema.types.postback_inputs import PostbackInput, PostbackPayload


@strawberry.type
class OperatorPostbackQueries(TemplateQueries):
    postbacks = connection(
        Postback,
        reads.postbacks,
        reads.PostbackOrder,
        PostbackFilterInput,
        "Postbacks of all partners; for an advertiser, those of its brands' campaigns and promos.",
    )


@strawberry.type
class OperatorPostbackMutations:
    @mutation(
        permission_of(configure.disable_partner_postback),
        "Switch a partner's postback off, with a reason that the partner reads; only operators can enable it.",
    )
    async def disable_postback(
        self, info: Info[Any, Any], input: PostbackReasonInput
    ) -> PostbackPayload:
        postback_id = decode_id("Postback", input.postback_id, "postbackId")
        row = await configure.disable_partner_postback(scope_of(info), postback_id, input.reason)
        return PostbackPayload(postback=Postback.of(row))

    @mutation(
        permission_of(configure.enable_partner_postback),
        "Switch a partner's postback on again, whoever disabled it.",
    )
    async def enable_postback(self, info: Info[Any, Any], input: PostbackInput) -> PostbackPayload:
        row = await configure.enable_partner_postback(scope_of(info), input.row_id())
        return PostbackPayload(postback=Postback.of(row))
