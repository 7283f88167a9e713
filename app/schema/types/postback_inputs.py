"""What clients ask and change of postbacks in GraphQL."""

from __future__ import annotations

from enum import Enum

import strawberry

from app.domain.postbacks import reads
from app.domain.postbacks.actions import Action
from app.domain.postbacks.configure import InvalidTemplate, Method, NewPostback, PostbackEdit
from app.domain.postbacks.reads import PostbackFilter
from app.domain.postbacks.template import Unresolved
from app.schema.errors import UserError, given, user_error
from app.schema.ids import decode_id, decode_optional_id
from app.schema.types.postback import (
    Postback,
    PostbackAction,
    PostbackMethod,
    PostbackPlace,
    PostbackState,
    UnresolvedVariables,
)
from app.schema.types.template import TemplateProblem, TemplateWarning

_URL = "Your tracker's URL with variables, such as https://tracker.example/p?id=${clickID}."


@strawberry.input(description="Which postbacks.")
class PostbackFilterInput:
    campaign_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only those of this campaign itself."
    )
    promo_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only those of this promo itself."
    )
    place: PostbackPlace | None = strawberry.field(
        default=None, description="Only those that belong there."
    )
    action: PostbackAction | None = strawberry.field(
        default=None, description="Only those of this action itself."
    )
    state: PostbackState | None = strawberry.field(default=None, description="Only in this state.")
    url_contains: str | None = strawberry.field(
        default=None, description="Part of the URL, in any case."
    )

    def to_domain(self) -> PostbackFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        return PostbackFilter(
            decode_optional_id("Campaign", self.campaign_id, "campaignId"),
            decode_optional_id("Promo", self.promo_id, "promoId"),
            reads.Place(value_of(self.place)) if self.place else None,
            action_of(self.action) if self.action else None,
            value_of(self.state) if self.state else None,
            self.url_contains,
        )


@strawberry.input(description="A new postback, for the account, a campaign or a promo.")
class CreatePostbackInput:
    action: PostbackAction = strawberry.field(description="What makes it fire.")
    url: str = strawberry.field(description=_URL)
    campaign_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only events of this campaign."
    )
    promo_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only events of this promo."
    )
    method: PostbackMethod = strawberry.field(
        default=PostbackMethod.GET, description="How your tracker is called."
    )
    unresolved: UnresolvedVariables = strawberry.field(
        default=UnresolvedVariables.DROP, description="What becomes of variables without a value."
    )

    def to_domain(self) -> NewPostback:
        """The domain's value; raises NotFound for an id that is none."""
        return NewPostback(
            action_of(self.action),
            self.url,
            decode_optional_id("Campaign", self.campaign_id, "campaignId"),
            decode_optional_id("Promo", self.promo_id, "promoId"),
            Method(value_of(self.method)),
            Unresolved(value_of(self.unresolved)),
        )


@strawberry.input(description="What becomes different of a postback; what is left out stays.")
class EditPostbackInput:
    postback_id: strawberry.ID = strawberry.field(description="One of yours.")
    action: PostbackAction | None = strawberry.field(
        default=strawberry.UNSET, description="What makes it fire."
    )
    url: str | None = strawberry.field(default=strawberry.UNSET, description=_URL)
    method: PostbackMethod | None = strawberry.field(
        default=strawberry.UNSET, description="How your tracker is called."
    )
    unresolved: UnresolvedVariables | None = strawberry.field(
        default=strawberry.UNSET, description="What becomes of variables without a value."
    )

    def to_domain(self) -> PostbackEdit:
        """The domain's value."""
        action, method = given(self.action), given(self.method)
        unresolved = given(self.unresolved)
        return PostbackEdit(
            action_of(action) if action else None,
            given(self.url),
            Method(value_of(method)) if method else None,
            Unresolved(value_of(unresolved)) if unresolved else None,
        )


@strawberry.input(description="A postback.")
class PostbackInput:
    postback_id: strawberry.ID = strawberry.field(description="One of yours.")

    def row_id(self) -> int:
        """The row; raises NotFound for an id that is none."""
        return decode_id("Postback", self.postback_id, "postbackId")


@strawberry.type(description="The created postback, or why there is none.")
class CreatePostbackPayload:
    postback: Postback | None = strawberry.field(default=None, description="The new postback.")
    problems: list[TemplateProblem] | None = strawberry.field(
        default=None,
        description="What is wrong with its URL, each with its place; null if nothing.",
    )
    corrected_url: str | None = strawberry.field(
        default=None, description="The URL without these mistakes, where they can be put right."
    )
    warnings: list[TemplateWarning] | None = strawberry.field(
        default=None, description="What may be a mistake and was accepted; null for a refused one."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )


@strawberry.type(description="The postback, or why nothing was changed.")
class PostbackPayload:
    postback: Postback | None = strawberry.field(default=None, description="As it is now.")
    problems: list[TemplateProblem] | None = strawberry.field(
        default=None,
        description="What is wrong with its URL, each with its place; null if nothing.",
    )
    corrected_url: str | None = strawberry.field(
        default=None, description="The URL without these mistakes, where they can be put right."
    )
    warnings: list[TemplateWarning] | None = strawberry.field(
        default=None,
        description="What may be a mistake and was accepted; null where not looked for.",
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )


@strawberry.type(description="The deleted postback's id, or why nothing was deleted.")
class DeletePostbackPayload:
    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="What it was; its log stays."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )


def refused(error: InvalidTemplate) -> tuple[list[TemplateProblem], str | None, list[UserError]]:
    """The problems, the corrected URL and the user errors of a template with mistakes."""
    problems = [TemplateProblem.of(problem) for problem in error.checked.problems]
    return problems, error.checked.corrected, [user_error(error)]


def value_of(member: Enum) -> str:
    """The domain's word for a value of an enum."""
    return str(member.value)


def action_of(member: PostbackAction) -> Action:
    """The domain's action."""
    return Action(value_of(member))
