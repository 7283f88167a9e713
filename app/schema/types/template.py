"""The workbench of postback templates in GraphQL: variables, mistakes, warnings (A14, A16, X07)."""

from __future__ import annotations

from enum import Enum
from typing import Any

import strawberry
from strawberry.types import Info

from app.domain.postbacks import check, reads
from app.domain.postbacks.actions import Action
from app.domain.postbacks.tags import seen_tags
from app.domain.postbacks.variables import VARIABLES, Variable
from app.schema.context import scope_of
from app.schema.ids import decode_optional_id
from app.schema.types.postback import PostbackAction


@strawberry.type(description="A name that the server fills in: ${name} in a postback's URL (A14).")
class PostbackVariable:
    name: str = strawberry.field(description="Case-sensitive, such as visit_id.")
    description: str = strawberry.field(description="What it is.")
    sample: str = strawberry.field(description="What a value looks like, before URL encoding.")
    actions: list[PostbackAction] = strawberry.field(
        description="For which actions it may have a value."
    )

    @classmethod
    def of(cls, variable: Variable) -> PostbackVariable:
        """From the domain's variable."""
        actions = [action for action in Action if action in variable.actions]
        return cls(
            name=variable.name,
            description=variable.description,
            sample=variable.sample,
            actions=[PostbackAction(action.value) for action in actions],
        )


@strawberry.type(description="What ${name} may be in a postback's URL (A14).")
class PostbackVariables:
    @strawberry.field(description="What the server fills in.")
    def built_in(self) -> list[PostbackVariable]:
        return [PostbackVariable.of(variable) for variable in VARIABLES]

    @strawberry.field(
        description="The parameters that visitors have brought along on your links so far, at most 1,000; for "
        "operators, on any partner's; for advertisers none, as it is not kept which brand a link was of."
    )
    async def seen_tags(self, info: Info[Any, Any]) -> list[str]:
        return await seen_tags(scope_of(info))


@strawberry.enum(description="What is wrong with a template (A16).")
class TemplateProblemCode(Enum):
    MISSING_DOLLAR = strawberry.enum_value("missing_dollar", description="{x} instead of ${x}.")
    MISSING_BRACES = strawberry.enum_value("missing_braces", description="$x instead of ${x}.")
    WRONG_BRACKETS = strawberry.enum_value(
        "wrong_brackets", description="$[x], $(x) or {{x}} instead of ${x}."
    )
    UNCLOSED = strawberry.enum_value("unclosed", description="${x without its closing brace.")
    STRAY_BRACE = strawberry.enum_value("stray_brace", description="A brace that closes nothing.")
    ENCODED_BRACES = strawberry.enum_value(
        "encoded_braces", description="$%7Bx%7D instead of ${x}."
    )
    EMPTY_NAME = strawberry.enum_value("empty_name", description="${} without a name.")
    RESERVED_NAME = strawberry.enum_value(
        "reserved_name", description="A built-in name in other letters, such as ${Promo_ID}."
    )
    PARAMETER_IN_PATH = strawberry.enum_value(
        "parameter_in_path", description="/a=${x} instead of ?a=${x}."
    )
    BEHIND_HASH = strawberry.enum_value(
        "behind_hash", description="A variable behind a #, of which nothing is sent."
    )
    MANGLED_TEXT = strawberry.enum_value(
        "mangled_text",
        description="&currency that became ¤cy when it was copied, &amp; that was a &.",
    )
    UNPRINTABLE = strawberry.enum_value(
        "unprintable", description="Spaces, backslashes or control characters."
    )
    BAD_SCHEME = strawberry.enum_value("bad_scheme", description="Neither http:// nor https://.")
    MISSING_HOST = strawberry.enum_value("missing_host", description="No host.")
    VARIABLE_IN_HOST = strawberry.enum_value("variable_in_host", description="A variable as host.")
    BAD_HOST = strawberry.enum_value("bad_host", description="A host or port that cannot be.")
    PRIVATE_TARGET = strawberry.enum_value(
        "private_target", description="A host on a private network, or this machine."
    )
    TOO_LONG = strawberry.enum_value("too_long", description="More than 4,000 characters.")


@strawberry.type(description="One mistake of a template, and where it is.")
class TemplateProblem:
    code: TemplateProblemCode = strawberry.field(description="For programmes.")
    message: str = strawberry.field(description="For people: what is wrong and what to write.")
    position: int = strawberry.field(
        description="Of the first character that is to blame, from 0, in the trimmed URL."
    )
    length: int = strawberry.field(
        description="How many characters are to blame; 0: one is missing."
    )
    suggestion: str | None = strawberry.field(
        description="What should stand there instead; null when only you can know."
    )

    @classmethod
    def of(cls, problem: check.Problem) -> TemplateProblem:
        """From the domain's problem."""
        return cls(
            code=TemplateProblemCode(problem.code.value),
            message=problem.message,
            position=problem.position,
            length=problem.length,
            suggestion=problem.suggestion,
        )


@strawberry.enum(description="What may be meant and is often a mistake (A16).")
class TemplateWarningCode(Enum):
    NO_PROMO = strawberry.enum_value(
        "no_promo",
        description="It fires for the whole account and does not say which promo it was.",
    )
    TAG_NEVER_SEEN = strawberry.enum_value(
        "tag_never_seen", description="None of the links has carried this parameter yet."
    )
    NO_VALUE_FOR_ACTION = strawberry.enum_value(
        "no_value_for_action", description="The variable has no value for this action."
    )
    NO_VARIABLES = strawberry.enum_value(
        "no_variables", description="Every call would be the same."
    )
    BEHIND_HASH = strawberry.enum_value(
        "behind_hash", description="What stands behind a # is never sent."
    )


@strawberry.type(description="A doubt about a template that is accepted.")
class TemplateWarning:
    code: TemplateWarningCode = strawberry.field(description="For programmes.")
    message: str = strawberry.field(description="For people.")
    variable: str | None = strawberry.field(description="The name that it is about.")

    @classmethod
    def of(cls, warning: reads.TemplateWarning) -> TemplateWarning:
        """From the domain's warning."""
        return cls(
            code=TemplateWarningCode(warning.code.value),
            message=warning.message,
            variable=warning.name,
        )


@strawberry.input(description="A template to look at; nothing is saved.")
class CheckTemplateInput:
    url: str = strawberry.field(
        description="With variables, such as https://tracker.example/p?id=${clickID}."
    )
    action: PostbackAction = strawberry.field(
        default=PostbackAction.ANY, description="What it would fire for."
    )
    campaign_id: strawberry.ID | None = strawberry.field(
        default=None, description="The campaign that it would belong to."
    )
    promo_id: strawberry.ID | None = strawberry.field(
        default=None, description="The promo that it would belong to."
    )

    def ids(self) -> tuple[int | None, int | None]:
        """Campaign and promo; raises NotFound for an id that is none."""
        return (
            decode_optional_id("Campaign", self.campaign_id, "campaignId"),
            decode_optional_id("Promo", self.promo_id, "promoId"),
        )


@strawberry.type(description="What is wrong or doubtful with a template.")
class TemplateCheck:
    url: str = strawberry.field(description="The trimmed template, in which positions count.")
    is_valid: bool = strawberry.field(description="Whether it can be saved.")
    problems: list[TemplateProblem] = strawberry.field(description="In the order of their places.")
    corrected_url: str | None = strawberry.field(
        description="The URL without mistakes; null when only you can put them right."
    )
    warnings: list[TemplateWarning] = strawberry.field(
        description="Of the URL, or of the corrected one; empty when there is none."
    )
    variables: list[str] = strawberry.field(description="The names in it, each once.")
