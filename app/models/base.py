"""What every model shares: exact JSON, amounts, foreign keys that never cascade, and how a row belongs to a tenant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar

from tortoise import fields
from tortoise.models import Model

from app.infra.database import APP
from app.infra.encoding import dumps_text, loads
from app.infra.money import STORED_DECIMALS, STORED_DIGITS


class TenantModel(Model):
    """A model that a Scope can query: it says which columns hold its partner and its brand."""

    # None: the column does not apply (a brand belongs to no partner), so that limit does not filter.
    partner_column: ClassVar[str | None] = None
    brand_column: ClassVar[str | None] = None
    # Rows that a partner may never read at all, whatever the columns say.
    operators_only: ClassVar[bool] = False

    class Meta:
        abstract = True


def reference(model: str, *, null: bool = False, **options: Any) -> Any:
    """A foreign key that refuses to delete what is still referred to."""
    shared: dict[str, Any] = {"on_delete": fields.RESTRICT, "related_name": False, **options}
    if null:
        return fields.ForeignKeyField(f"{APP}.{model}", null=True, **shared)
    return fields.ForeignKeyField(f"{APP}.{model}", **shared)


def amount(**options: Any) -> Any:
    """An exact amount or count: NUMERIC, never a float."""
    return fields.DecimalField(max_digits=STORED_DIGITS, decimal_places=STORED_DECIMALS, **options)


def json_object(**options: Any) -> Any:
    """A JSONB column whose numbers stay exact."""
    encoder: Callable[[Any], str] = dumps_text
    return fields.JSONField(encoder=encoder, decoder=loads, **options)


def text(length: int, **options: Any) -> Any:
    """A VARCHAR column."""
    return fields.CharField(max_length=length, **options)


def clock_offset() -> Any:
    """How far a sandbox tenant's clock runs ahead of the machine's; zero for everybody else (decision 12)."""
    return fields.TimeDeltaField(default=timedelta(0))
