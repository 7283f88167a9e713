"""Banners at the roots: the gallery of both schemas, and what operators do with it (A06, O01).

Pictures are uploaded over HTTP, `POST /admin/banners`: GraphQL carries no files.
"""

from __future__ import annotations

from typing import Any

import strawberry
from strawberry.types import Info

from app import models
from app.domain.banners import commands, reads
from app.schema.connections import connection
from app.schema.context import context_of, scope_of
from app.schema.errors import UserError
from app.schema.fields import mutation, permission_of
from app.schema.ids import decode_id, decode_optional_id, encode_id
from app.schema.node import Node
from app.schema.types.banner import Banner, BannerFilterInput
from app.schema.types.partner import Partner
from app.schema.types.users import DonePayload


@strawberry.type(description="A private banner that was given to a partner.")
class BannerGrant(Node):
    row: strawberry.Private[models.BannerPartner]

    @strawberry.field(description="The banner.")
    async def banner(self, info: Info[Any, Any]) -> Banner | None:
        row = await context_of(info).loaders.one(models.Banner, self.row.banner_id)
        return Banner.of(row) if row else None

    @strawberry.field(description="Who may use it.")
    async def partner(self, info: Info[Any, Any]) -> Partner | None:
        row = await context_of(info).loaders.one(models.Partner, self.row.partner_id)
        return Partner.of(row) if row else None

    @classmethod
    def of(cls, row: models.BannerPartner) -> BannerGrant:
        """From the model."""
        return cls(id=encode_id("BannerGrant", row.id), row=row)


@strawberry.input(description="Which grants of private banners.")
class BannerGrantFilterInput:
    banner_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this banner."
    )
    partner_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only to this partner."
    )

    def to_domain(self) -> reads.GrantFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        return reads.GrantFilter(
            decode_optional_id("Banner", self.banner_id, "bannerId"),
            decode_optional_id("Partner", self.partner_id, "partnerId"),
        )


@strawberry.type(description="The banner, or why there is none.")
class BannerPayload:
    banner: Banner | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )


@strawberry.input(description="A banner.")
class BannerInput:
    banner_id: strawberry.ID = strawberry.field(description="Within your limits.")


@strawberry.input(description="What to change of a banner; what is left out stays.")
class EditBannerInput:
    banner_id: strawberry.ID = strawberry.field(description="Within your limits.")
    title: str | None = strawberry.field(default=None, description="At most 200 characters.")
    language: str | None = strawberry.field(
        default=None, description="A BCP 47 tag such as pt-BR; empty: none."
    )
    tags: list[str] | None = strawberry.field(
        default=None, description="All of them: at most 20, of 40 characters; kept in lower case."
    )


@strawberry.input(description="For whom a banner exists.")
class MakeBannerPrivateInput:
    banner_id: strawberry.ID = strawberry.field(description="Within your limits.")
    partner_ids: list[strawberry.ID] = strawberry.field(
        description="1 to 500 partners within your limits: these, and nobody else."
    )


@strawberry.input(description="The order of a brand's banners.")
class SortBannersInput:
    brand_id: strawberry.ID = strawberry.field(description="Within your limits.")
    banner_ids: list[strawberry.ID] = strawberry.field(
        description="At most 1,000, each once: they come first, the others keep their order."
    )


@strawberry.type
class BannerQueries:
    banners = connection(
        Banner,
        reads.banners,
        reads.BannerOrder,
        BannerFilterInput,
        "Banners. For partners: the gallery of their brands, with the private ones given to them (A06).",
    )


@strawberry.type
class StaffBannerQueries(BannerQueries):
    banner_grants = connection(
        BannerGrant,
        reads.grants,
        reads.GrantOrder,
        BannerGrantFilterInput,
        "Which private banners were given to which partners (O01).",
    )


@strawberry.type
class BannerMutations:
    @mutation(
        permission_of(commands.edit_banner), "Change a banner's title, language or tags (O01)."
    )
    async def edit_banner(self, info: Info[Any, Any], input: EditBannerInput) -> BannerPayload:
        edit = commands.BannerEdit(input.title, input.language, input.tags)
        row = await commands.edit_banner(scope_of(info), _banner(input.banner_id), edit)
        return BannerPayload(banner=Banner.of(row))

    @mutation(
        permission_of(commands.make_private),
        "Give a banner to chosen partners and to nobody else. Promos that use it keep it (O01).",
    )
    async def make_banner_private(
        self, info: Info[Any, Any], input: MakeBannerPrivateInput
    ) -> BannerPayload:
        partners = [decode_id("Partner", value, "partnerIds") for value in input.partner_ids]
        row = await commands.make_private(scope_of(info), _banner(input.banner_id), partners)
        return BannerPayload(banner=Banner.of(row))

    @mutation(
        permission_of(commands.make_public), "Open a banner to all partners of its brand (O01)."
    )
    async def make_banner_public(self, info: Info[Any, Any], input: BannerInput) -> BannerPayload:
        row = await commands.make_public(scope_of(info), _banner(input.banner_id))
        return BannerPayload(banner=Banner.of(row))

    @mutation(
        permission_of(commands.set_banner_enabled),
        "Switch a banner off: no new promo can use it, pages that show it stay whole (O01).",
    )
    async def disable_banner(self, info: Info[Any, Any], input: BannerInput) -> BannerPayload:
        banner_id = _banner(input.banner_id)
        row = await commands.set_banner_enabled(scope_of(info), banner_id, enabled=False)
        return BannerPayload(banner=Banner.of(row))

    @mutation(permission_of(commands.set_banner_enabled), "Switch a banner on again (O01).")
    async def enable_banner(self, info: Info[Any, Any], input: BannerInput) -> BannerPayload:
        banner_id = _banner(input.banner_id)
        row = await commands.set_banner_enabled(scope_of(info), banner_id, enabled=True)
        return BannerPayload(banner=Banner.of(row))

    @mutation(permission_of(commands.sort_banners), "Put banners of a brand first (O01).")
    async def sort_banners(self, info: Info[Any, Any], input: SortBannersInput) -> DonePayload:
        brand_id = decode_id("Brand", input.brand_id, "brandId")
        wanted = [decode_id("Banner", value, "bannerIds") for value in input.banner_ids]
        await commands.sort_banners(scope_of(info), brand_id, wanted)
        return DonePayload(done=True)


def _banner(value: strawberry.ID) -> int:
    return decode_id("Banner", value, "bannerId")
