"""Documents in GraphQL (A67)."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from strawberry.types import Info

from app import models
from app.domain.documents.commands import DocumentFilter
from app.domain.documents.links import FileLink, sign_file_link
from app.schema.context import context_of
from app.schema.errors import UserError
from app.schema.ids import decode_optional_id, encode_id
from app.schema.node import Node
from app.schema.scalars import Count, Url


@strawberry.enum(description="What became of a document.")
class DocumentState(Enum):
    PENDING = strawberry.enum_value("pending", description="Waits for review.")
    APPROVED = strawberry.enum_value("approved", description="Accepted.")
    DECLINED = strawberry.enum_value("declined", description="Not accepted; the reason says why.")


@strawberry.type(description="A file that a partner uploaded for review.")
class Document(Node):
    name: str = strawberry.field(description="Such as passport.pdf.")
    content_type: str = strawberry.field(
        description="Read from the file itself, such as application/pdf."
    )
    size: Count = strawberry.field(description="Bytes.")
    state: DocumentState = strawberry.field(description="What became of it.")
    reason: str | None = strawberry.field(description="Why it was declined.")
    created_at: datetime = strawberry.field(description="UTC.")
    row: strawberry.Private[models.Document]

    @strawberry.field(description="A link to the file that works for five minutes.")
    def download_url(self, info: Info[Any, Any]) -> Url:
        services = context_of(info).services
        file = FileLink(self.row.storage_key, self.row.name, self.row.content_type)
        base = services.settings.base_url
        return Url(sign_file_link(services.cursors, base, file, services.clock.now()))

    @classmethod
    def of(cls, row: models.Document) -> Document:
        """From the model."""
        return cls(
            id=encode_id("Document", row.id),
            name=row.name,
            content_type=row.content_type,
            size=Count(row.size),
            state=DocumentState(row.state),
            reason=row.reason,
            created_at=row.created_at,
            row=row,
        )


@strawberry.input(description="Which documents.")
class DocumentFilterInput:
    state: DocumentState | None = strawberry.field(default=None, description="Only in this state.")
    partner_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only of this partner."
    )

    def to_domain(self) -> DocumentFilter:
        """The domain's filter; raises NotFound for an id that is none."""
        partner_id = decode_optional_id("Partner", self.partner_id, "partnerId")
        return DocumentFilter(str(self.state.value) if self.state else None, partner_id)


@strawberry.type(description="The document, or why there is none.")
class DocumentPayload:
    document: Document | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty on success."
    )
