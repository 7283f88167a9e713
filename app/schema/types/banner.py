"""Banners in GraphQL (A06, O01)."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from strawberry.types import Info

from app import models
from app.domain.banners import reads
from app.domain.banners.markup import banner_url
from app.schema.context import context_of
from app.schema.ids import decode_optional_id, encode_id
from app.schema.node import Node
from app.schema.scalars import Count, Url
from app.schema.types.offer import Brand


@strawberry.enum(description="The format of a picture, read from the file itself.")
class BannerFormat(Enum):
    PNG = strawberry.enum_value("png", description="PNG, also animated.")
    JPEG = strawberry.enum_value("jpeg", description="JPEG.")
    GIF = strawberry.enum_value("gif", description="GIF, also animated.")
    WEBP = strawberry.enum_value("webp", description="WebP, also animated.")


@strawberry.enum(description="How a picture lies, by its size as it is shown.")
class BannerOrientation(Enum):
    LANDSCAPE = strawberry.enum_value("landscape", description="Wider than high.")
    PORTRAIT = strawberry.enum_value("portrait", description="Higher than wide.")
    SQUARE = strawberry.enum_value("square", description="As wide as high.")


@strawberry.enum(description="Whether a banner can be chosen.")
class BannerState(Enum):
    ACTIVE = strawberry.enum_value("active", description="New promos can use it.")
    DISABLED = strawberry.enum_value(
        "disabled", description="No new promo can use it; pages that show it stay whole."
    )


@strawberry.type(description="A picture of a brand that promos may use.")
class Banner(Node):
    title: str = strawberry.field(description="Such as Spring bonus.")
    language: str | None = strawberry.field(
        description="The language of its words as a BCP 47 tag, such as pt-BR; null: none stated."
    )
    tags: list[str] = strawberry.field(description="In lower case, such as spring.")
    format: BannerFormat = strawberry.field(description="Read from the file itself.")
    width: Count = strawberry.field(description="Pixels, as it is shown.")
    height: Count = strawberry.field(description="Pixels, as it is shown.")
    orientation: BannerOrientation = strawberry.field(description="How it lies.")
    animated: bool = strawberry.field(description="Whether it moves.")
    size: Count = strawberry.field(description="Bytes.")
    private: bool = strawberry.field(
        description="Whether it exists for chosen partners alone, instead of for all of the brand."
    )
    state: BannerState = strawberry.field(description="Whether it can be chosen.")
    created_at: datetime = strawberry.field(description="UTC.")
    row: strawberry.Private[models.Banner]

    @strawberry.field(description="The picture, for anybody. What it shows never changes.")
    def image_url(self, info: Info[Any, Any]) -> Url:
        base = context_of(info).services.settings.base_url
        return Url(banner_url(base, self.row.code, self.row.format))

    @strawberry.field(description="Whose picture it is.")
    async def brand(self, info: Info[Any, Any]) -> Brand | None:
        row = await context_of(info).loaders.one(models.Brand, self.row.brand_id)
        return Brand.of(row) if row else None

    @classmethod
    def of(cls, row: models.Banner) -> Banner:
        """From the model."""
        return cls(
            id=encode_id("Banner", row.id),
            title=row.title,
            language=row.language,
            tags=list(row.tags),
            format=BannerFormat(row.format),
            width=Count(row.width),
            height=Count(row.height),
            orientation=BannerOrientation(reads.orientation_of(row.width, row.height).value),
            animated=row.animated,
            size=Count(row.size),
            private=row.private,
            state=BannerState(row.state),
            created_at=row.created_at,
            row=row,
        )


@strawberry.input(description="Which banners.")
class BannerFilterInput:
    brand_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this brand."
    )
    title_contains: str | None = strawberry.field(
        default=None, description="Part of the title, in any case."
    )
    language: str | None = strawberry.field(
        default=None, description="Only in this language: pt-BR, or pt for all of its regions."
    )
    format: BannerFormat | None = strawberry.field(default=None, description="Only in this format.")
    private: bool | None = strawberry.field(
        default=None, description="True: only private ones; false: only public ones."
    )
    resolution: str | None = strawberry.field(
        default=None, description="Exactly WIDTHxHEIGHT in pixels, such as 300x250."
    )
    min_width: Count | None = strawberry.field(default=None, description="Pixels, at least.")
    max_width: Count | None = strawberry.field(default=None, description="Pixels, at most.")
    min_height: Count | None = strawberry.field(default=None, description="Pixels, at least.")
    max_height: Count | None = strawberry.field(default=None, description="Pixels, at most.")
    tag: str | None = strawberry.field(default=None, description="Only with this tag, in any case.")
    orientation: BannerOrientation | None = strawberry.field(
        default=None, description="Only those that lie so."
    )
    animated: bool | None = strawberry.field(
        default=None, description="True: only those that move; false: only those that do not."
    )
    state: BannerState | None = strawberry.field(default=None, description="Only in this state.")

    def to_domain(self) -> reads.BannerFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        orientation = self.orientation
        return reads.BannerFilter(
            brand_id=decode_optional_id("Brand", self.brand_id, "brandId"),
            title_contains=self.title_contains,
            language=self.language,
            format=str(self.format.value) if self.format else None,
            private=self.private,
            resolution=self.resolution,
            min_width=self.min_width,
            max_width=self.max_width,
            min_height=self.min_height,
            max_height=self.max_height,
            tag=self.tag,
            orientation=reads.Orientation(str(orientation.value)) if orientation else None,
            animated=self.animated,
            state=str(self.state.value) if self.state else None,
        )
