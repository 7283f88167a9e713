"""Brands as operators and advertisers manage them: settings, announced changes, prepaid balances (O01)."""

from __future__ import annotations

from enum import Enum
from typing import Any

import strawberry
from strawberry.types import Info

from app.domain.brands import changes, commands, funding, offers, standing
from app.schema.connections import connection
from app.schema.context import context_of, scope_of
from app.schema.fields import mutation, permission_of
from app.schema.ids import decode_id
from app.schema.parts.staff import BrandInput
from app.schema.types.brand_change import (
    AnnounceBrandChangeInput,
    BrandChange,
    BrandChangeFilterInput,
    BrandChangeInput,
    BrandChangePayload,
)
from app.schema.types.brand_settings import (
    BrandFunding,
    BrandFundingFilterInput,
    BrandFundingInput,
    BrandFundingPayload,
    BrandPayload,
    BrandReasonInput,
    BrandSettings,
    BrandsPayload,
    CreateBrandInput,
    EditBrandInput,
    SetBrandPrepaidInput,
    SortBrandsInput,
)
from app.schema.types.offer import Brand, BrandFilterInput


@strawberry.type
class BrandChangeQueries:
    brand_changes = connection(
        BrandChange,
        changes.brand_changes,
        changes.BrandChangeOrder,
        BrandChangeFilterInput,
        "Changes of brands' cookie life, approval time and default rates, announced before they take effect (O01).",
    )


@strawberry.type
class BrandQueries(BrandChangeQueries):
    brand_settings = connection(
        BrandSettings,
        offers.brands,
        offers.OfferOrder,
        BrandFilterInput,
        "How the brands within your limits are set up (O01).",
    )
    brand_fundings = connection(
        BrandFunding,
        funding.fundings,
        funding.FundingOrder,
        BrandFundingFilterInput,
        "The lines of prepaid brands' balances (O01).",
    )


@strawberry.type
class BrandMutations:
    @mutation(permission_of(commands.create_brand), "Add a brand to the programme (O01).")
    async def create_brand(self, info: Info[Any, Any], input: CreateBrandInput) -> BrandPayload:
        row = await commands.create_brand(scope_of(info), input.to_domain())
        return BrandPayload.of(row)

    @mutation(
        permission_of(commands.edit_brand),
        "Change a brand's settings; they hold from the next click on (O01).",
    )
    async def edit_brand(self, info: Info[Any, Any], input: EditBrandInput) -> BrandPayload:
        brand_id = decode_id("Brand", input.brand_id, "brandId")
        row = await commands.edit_brand(scope_of(info), brand_id, input.to_domain())
        return BrandPayload.of(row)

    @mutation(
        permission_of(standing.disable_brand),
        "Take a brand out of the programme: its links lead to the fallback (M1D).",
    )
    async def disable_brand(self, info: Info[Any, Any], input: BrandReasonInput) -> BrandPayload:
        brand_id = decode_id("Brand", input.brand_id, "brandId")
        row = await standing.disable_brand(scope_of(info), brand_id, input.reason)
        return BrandPayload.of(row)

    @mutation(permission_of(standing.enable_brand), "Take a disabled brand back.")
    async def enable_brand(self, info: Info[Any, Any], input: BrandInput) -> BrandPayload:
        brand_id = decode_id("Brand", input.brand_id, "brandId")
        row = await standing.enable_brand(scope_of(info), brand_id)
        return BrandPayload.of(row)

    @mutation(permission_of(commands.sort_brands), "Put some brands first.")
    async def sort_brands(self, info: Info[Any, Any], input: SortBrandsInput) -> BrandsPayload:
        brand_ids = [decode_id("Brand", value, "brandIds") for value in input.brand_ids]
        rows = await commands.sort_brands(scope_of(info), brand_ids)
        return BrandsPayload(brands=[Brand.of(row) for row in rows])

    @mutation(
        permission_of(changes.announce_change),
        "Announce a change of a brand's terms. It takes effect after a notice, at once while nobody promotes the "
        "brand; an earlier announcement for the same field is replaced (O01).",
    )
    async def announce_brand_change(
        self, info: Info[Any, Any], input: AnnounceBrandChangeInput
    ) -> BrandChangePayload:
        row = await changes.announce_change(
            scope_of(info),
            decode_id("Brand", input.brand_id, "brandId"),
            changes.ChangedField(_value(input.field)),
            input.value,
            notice_days=context_of(info).services.settings.brand_notice_days,
        )
        return BrandChangePayload(change=BrandChange.of(row))

    @mutation(
        permission_of(changes.cancel_change),
        "Take an announced change back before it takes effect.",
    )
    async def cancel_brand_change(
        self, info: Info[Any, Any], input: BrandChangeInput
    ) -> BrandChangePayload:
        change_id = decode_id("BrandChange", input.change_id, "changeId")
        row = await changes.cancel_change(scope_of(info), change_id)
        return BrandChangePayload(change=BrandChange.of(row))

    @mutation(
        permission_of(funding.set_prepaid),
        "Let a brand pay in advance, or later; a prepaid brand without funds is suspended.",
    )
    async def set_brand_prepaid(
        self, info: Info[Any, Any], input: SetBrandPrepaidInput
    ) -> BrandPayload:
        brand_id = decode_id("Brand", input.brand_id, "brandId")
        row = await funding.set_prepaid(scope_of(info), brand_id, prepaid=input.prepaid)
        return BrandPayload.of(row)

    @mutation(
        permission_of(funding.deposit),
        "Add what a brand paid in; above zero a suspended brand resumes.",
    )
    async def deposit_brand_funds(
        self, info: Info[Any, Any], input: BrandFundingInput
    ) -> BrandFundingPayload:
        brand_id = decode_id("Brand", input.brand_id, "brandId")
        row = await funding.deposit(scope_of(info), brand_id, input.amount, input.comment)
        return BrandFundingPayload.of(row)

    @mutation(
        permission_of(funding.correct_funding),
        "Put a prepaid balance right: add to it, or with a minus take from it.",
    )
    async def correct_brand_funds(
        self, info: Info[Any, Any], input: BrandFundingInput
    ) -> BrandFundingPayload:
        brand_id = decode_id("Brand", input.brand_id, "brandId")
        row = await funding.correct_funding(scope_of(info), brand_id, input.amount, input.comment)
        return BrandFundingPayload.of(row)


def _value(member: Enum) -> str:
    return str(member.value)
