"""The log of postbacks, replays, previews, tests and diagnoses (A17 to A20, X07)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry
from strawberry.types import Info

from app.domain.postbacks import diagnose, log, preview, prune, replay
from app.domain.postbacks.credentials import masked
from app.domain.postbacks.deliver import Outcome
from app.infra.outgoing import OutgoingClient, RefusedTarget, prepare
from app.schema.connections import connection
from app.schema.context import context_of, scope_of
from app.schema.fields import mutation, permission_of, query
from app.schema.types.operator_postback import (
    PostbackAttemptFilterInput as AdminAttemptFilterInput,
)
from app.schema.types.operator_postback import ReplayPostbacksInput as AdminReplayInput
from app.schema.types.postback import PostbackMethod
from app.schema.types.postback_log import (
    PostbackAttempt,
    PostbackAttemptFilterInput,
    ReplayPostbackInput,
    ReplayPostbacksInput,
    ReplayPostbacksPayload,
    event_of,
)
from app.schema.types.postback_workbench import (
    DiagnosePostbackInput,
    PostbackDiagnosis,
    PostbackPreview,
    PreviewPostbackInput,
    SentRequest,
    TestPostbackInput,
    TestPostbackPayload,
    values_of,
)

TEST_HEADERS = {"User-Agent": "Tributary-Postback/1", "X-Tributary-Test": "1"}
# A test calls somebody's server: far dearer than a change of ours.
TEST_COST = 250
DIAGNOSIS_COST = 50


@strawberry.type
class _Workbench:
    @query(
        permission_of(preview.preview),
        "Fill in a template for a real event or a made-up one; nothing is sent (A18).",
    )
    async def preview_postback(
        self, info: Info[Any, Any], input: PreviewPostbackInput
    ) -> PostbackPreview:
        return PostbackPreview.of(await preview.preview(scope_of(info), input.to_domain()))

    @query(
        permission_of(prune.complete_from),
        "From when on the postbacks log is complete, in UTC: what was finished before it is removed after some time. "
        "Null while nothing was (A20).",
    )
    async def postback_log_complete_from(self, info: Info[Any, Any]) -> datetime | None:
        return await prune.complete_from(scope_of(info))

    @query(
        permission_of(diagnose.diagnose),
        "Why a postback was not received, for a click, a player, an event or a transaction (A17).",
        cost=DIAGNOSIS_COST,
    )
    async def diagnose_postback(
        self, info: Info[Any, Any], input: DiagnosePostbackInput
    ) -> PostbackDiagnosis:
        return PostbackDiagnosis.of(await diagnose.diagnose(scope_of(info), input.to_domain()))


@strawberry.type
class WorkbenchQueries(_Workbench):
    postback_attempts = connection(
        PostbackAttempt,
        log.attempts,
        log.AttemptOrder,
        PostbackAttemptFilterInput,
        "The postbacks log: every call of your trackers (A20).",
    )


@strawberry.type
class OperatorWorkbenchQueries(_Workbench):
    postback_attempts = connection(
        PostbackAttempt,
        log.attempts,
        log.AttemptOrder,
        AdminAttemptFilterInput,
        "The postbacks log of all partners; for an advertiser, what is about its brands (A20).",
    )


@strawberry.type
class WorkbenchMutations:
    @mutation(
        permission_of(preview.prepare_test),
        "Fire a postback once, marked as a test by the header X-Tributary-Test, and show request and answer (A18).",
        cost=TEST_COST,
    )
    async def test_postback(
        self, info: Info[Any, Any], input: TestPostbackInput
    ) -> TestPostbackPayload:
        scope = scope_of(info)
        call = await preview.prepare_test(scope, input.row_id(), event_of(input.event_number))
        method, url = call.postback.method, call.preview.url
        sent_at = scope.now()
        settings = context_of(info).services.settings
        client = OutgoingClient(
            timeout=settings.postback_timeout,
            connections=1,
            allow_private=settings.allow_private_targets,
        )
        try:
            answer = await client.call(method, url, TEST_HEADERS)
        finally:
            await client.close()
        outcome = Outcome(sent_at, answer.duration, answer.code, answer.body, answer.error)
        kept = await preview.keep_test(scope, call, outcome)
        return TestPostbackPayload(request=_request(method, url), attempt=PostbackAttempt.of(kept))

    @mutation(
        permission_of(replay.replay_attempt),
        "Send again what a call was about, by its postback as it is now (A20).",
    )
    async def replay_postback(
        self, info: Info[Any, Any], input: ReplayPostbackInput
    ) -> ReplayPostbacksPayload:
        return ReplayPostbacksPayload.of(
            await replay.replay_attempt(scope_of(info), input.row_id())
        )

    @mutation(
        permission_of(replay.replay_range),
        "Send the postbacks of a range of time again, by themselves as they are now (A20).",
    )
    async def replay_postbacks(
        self, info: Info[Any, Any], input: ReplayPostbacksInput
    ) -> ReplayPostbacksPayload:
        return ReplayPostbacksPayload.of(
            await replay.replay_range(scope_of(info), input.to_domain())
        )


@strawberry.type
class OperatorWorkbenchMutations:
    @mutation(
        permission_of(replay.replay_partner_attempt),
        "Send again what a call of any partner was about (A20).",
    )
    async def replay_postback(
        self, info: Info[Any, Any], input: ReplayPostbackInput
    ) -> ReplayPostbacksPayload:
        replayed = await replay.replay_partner_attempt(scope_of(info), input.row_id())
        return ReplayPostbacksPayload.of(replayed)

    @mutation(
        permission_of(replay.replay_partner_range),
        "Send the postbacks of a range of time again, of one partner or all (A20).",
    )
    async def replay_postbacks(
        self, info: Info[Any, Any], input: AdminReplayInput
    ) -> ReplayPostbacksPayload:
        replayed = await replay.replay_partner_range(scope_of(info), input.to_domain())
        return ReplayPostbacksPayload.of(replayed)


def _request(method: str, url: str) -> SentRequest | None:
    """The request as it went out; None for a URL that could not be called at all."""
    try:
        made = prepare(method, url, TEST_HEADERS)
    except RefusedTarget:
        return None
    called = url.partition("?")[0] if made.body is not None else url
    headers = {name: value for name, value in made.headers if name != "Authorization"}
    return SentRequest(
        method=PostbackMethod(method),
        url=masked(called),
        headers=values_of(headers),
        body=made.body.decode("ascii", "replace") if made.body is not None else None,
    )
