"""Previews, tests and diagnoses of postbacks in GraphQL (A17, A18, X07)."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import strawberry

from app.domain.postbacks import diagnose, findings, preview
from app.domain.postbacks.template import Unresolved
from app.schema.errors import UserError
from app.schema.ids import decode_id, decode_optional_id
from app.schema.types.postback import (
    Postback,
    PostbackAction,
    PostbackMethod,
    UnresolvedVariables,
)
from app.schema.types.postback_inputs import action_of, value_of
from app.schema.types.postback_log import PostbackAttempt, event_of


@strawberry.input(description="A template to be filled in; nothing is saved or sent.")
class PreviewPostbackInput:
    url: str = strawberry.field(description="The template.")
    action: PostbackAction = strawberry.field(
        default=PostbackAction.REGISTRATION, description="Of the made-up event."
    )
    unresolved: UnresolvedVariables = strawberry.field(
        default=UnresolvedVariables.DROP, description="What becomes of variables without a value."
    )
    event_number: str | None = strawberry.field(
        default=None, description="A real event, by its ${event_id}; none: a made-up one."
    )
    promo_id: strawberry.ID | None = strawberry.field(
        default=None, description="The promo of the made-up event."
    )

    def to_domain(self) -> preview.Wanted:
        """The domain's value; raises NotFound for an id that is none."""
        return preview.Wanted(
            self.url,
            action_of(self.action),
            Unresolved(value_of(self.unresolved)),
            event_of(self.event_number),
            decode_optional_id("Promo", self.promo_id, "promoId"),
        )


@strawberry.type(description="A name with its value.")
class PostbackValue:
    name: str = strawberry.field(description="Of the variable or parameter.")
    value: str = strawberry.field(description="Before URL encoding.")


def values_of(values: dict[str, str]) -> list[PostbackValue]:
    """Pairs for GraphQL."""
    return [PostbackValue(name=name, value=value) for name, value in values.items()]


@strawberry.type(description="A template as it would be sent.")
class PostbackPreview:
    url: str = strawberry.field(description="Filled in and URL-encoded.")
    values: list[PostbackValue] = strawberry.field(description="What was filled in.")
    missing: list[str] = strawberry.field(description="Variables that this event has no value for.")
    is_sample: bool = strawberry.field(description="Whether the event is made up.")

    @classmethod
    def of(cls, made: preview.Preview) -> PostbackPreview:
        """From the domain's answer."""
        return cls(
            url=made.url,
            values=values_of(dict(made.values)),
            missing=list(made.missing),
            is_sample=made.event_id is None,
        )


@strawberry.input(description="A postback to be fired once, as a test.")
class TestPostbackInput:
    __test__ = False

    postback_id: strawberry.ID = strawberry.field(description="Also a disabled one.")
    event_number: str | None = strawberry.field(
        default=None, description="A real event, by its ${event_id}; none: a made-up one."
    )

    def row_id(self) -> int:
        """The row; raises NotFound for an id that is none."""
        return decode_id("Postback", self.postback_id, "postbackId")


@strawberry.type(description="A request as it went out.")
class SentRequest:
    method: PostbackMethod = strawberry.field(description="GET or POST.")
    url: str = strawberry.field(description="Whom it called.")
    headers: list[PostbackValue] = strawberry.field(description="In their order.")
    body: str | None = strawberry.field(description="The form of a POST; null otherwise.")


@strawberry.type(description="The test's request and answer, or why it was not fired.")
class TestPostbackPayload:
    __test__ = False

    request: SentRequest | None = strawberry.field(
        default=None, description="Marked by the header X-Tributary-Test."
    )
    attempt: PostbackAttempt | None = strawberry.field(
        default=None, description="The answer, as it stands in the log."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty when it was fired, whatever the tracker answered."
    )


@strawberry.input(
    description="What a missing postback was about: one of click, player, event and transaction."
)
class DiagnosePostbackInput:
    click: str | None = strawberry.field(
        default=None, description="The number of ${click_id}, or the stag."
    )
    player: str | None = strawberry.field(default=None, description="The number of ${player_id}.")
    event: str | None = strawberry.field(default=None, description="The number of ${event_id}.")
    transaction: str | None = strawberry.field(
        default=None, description="The brand's ${transaction_id} of a sale or lead."
    )
    action: PostbackAction | None = strawberry.field(
        default=None, description="Only this is missed; none: whatever has happened."
    )
    postback_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only this postback is missed."
    )

    def to_domain(self) -> diagnose.Question:
        """The domain's value; raises NotFound for an id that is none."""
        return diagnose.Question(
            self.click,
            self.player,
            self.event,
            self.transaction,
            action_of(self.action) if self.action else None,
            decode_optional_id("Postback", self.postback_id, "postbackId"),
        )


@strawberry.enum(description="Why a postback was not received (A17).")
class PostbackCause(Enum):
    SYNTAX = strawberry.enum_value("syntax", description="The URL is written wrongly.")
    DISABLED = strawberry.enum_value("disabled", description="It was or is switched off.")
    NO_MATCHING_POSTBACK = strawberry.enum_value(
        "no_matching_postback", description="None was for this action and promo then."
    )
    NOT_QUALIFIED_YET = strawberry.enum_value(
        "not_qualified_yet", description="Qualification is computed later; see nextAt."
    )
    NOT_SYNCED_YET = strawberry.enum_value(
        "not_synced_yet", description="The brand has not reported it."
    )
    NO_LONGER_KEPT = strawberry.enum_value(
        "no_longer_kept", description="It is older than the log, which has forgotten it."
    )
    DELIVERY_FAILED = strawberry.enum_value(
        "delivery_failed", description="Your tracker did not take it; see attempts."
    )
    DEDUPLICATED = strawberry.enum_value(
        "deduplicated", description="Another postback sent the same URL for the same event."
    )
    CORRUPTED_VALUE = strawberry.enum_value(
        "corrupted_value", description="A parameter of the link that it uses was broken."
    )
    TAG_NOT_ON_LINK = strawberry.enum_value(
        "tag_not_on_link", description="The link did not carry a parameter that it uses."
    )
    WAITING = strawberry.enum_value("waiting", description="It is on its way.")
    DELIVERED = strawberry.enum_value("delivered", description="Your tracker took it.")


@strawberry.type(description="One cause, for one postback and event.")
class PostbackFinding:
    cause: PostbackCause = strawberry.field(description="For programmes.")
    message: str = strawberry.field(description="For people: what happened and what to do.")
    event_number: str | None = strawberry.field(description="What ${event_id} stands for.")
    postback: Postback | None = strawberry.field(description="Null when it is about none.")
    attempts: list[PostbackAttempt] = strawberry.field(
        description="The last 20 calls, the oldest first."
    )
    next_at: datetime | None = strawberry.field(
        description="UTC: when it is tried again, or computed next."
    )
    suggestion: str | None = strawberry.field(
        description="What to write instead, where that helps."
    )

    @classmethod
    def of(cls, finding: findings.Finding) -> PostbackFinding:
        """From the domain's finding."""
        return cls(
            cause=PostbackCause(finding.cause.value),
            message=finding.message,
            event_number=str(finding.event_id) if finding.event_id is not None else None,
            postback=Postback.of(finding.postback) if finding.postback else None,
            attempts=[PostbackAttempt.of(row) for row in finding.attempts],
            next_at=finding.next_at,
            suggestion=finding.suggestion,
        )


@strawberry.type(description="Why postbacks were not received, from what is stored (A17).")
class PostbackDiagnosis:
    findings: list[PostbackFinding] = strawberry.field(description="The likeliest cause first.")
    click_number: str | None = strawberry.field(description="The visit's ${click_id}.")
    clicked_at: datetime | None = strawberry.field(description="UTC.")
    tags: list[PostbackValue] = strawberry.field(description="What the link carried.")
    tags_corrupted: bool = strawberry.field(
        description="Whether something of them had to be cut or replaced."
    )

    @classmethod
    def of(cls, found: diagnose.Diagnosis) -> PostbackDiagnosis:
        """From the domain's answer."""
        return cls(
            findings=[PostbackFinding.of(finding) for finding in found.findings],
            click_number=str(found.click_id) if found.click_id is not None else None,
            clicked_at=found.clicked_at,
            tags=values_of(found.tags),
            tags_corrupted=found.corrupted,
        )
