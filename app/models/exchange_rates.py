"""Exchange rates: what one unit of a base currency was worth, day by day (M40)."""

from __future__ import annotations

from tortoise import fields
from tortoise.indexes import Index

from app.models.base import TenantModel, amount, reference, text


class ExchangeRate(TenantModel):
    """The rate of one day. Never edited: a correction supersedes it, and what was converted keeps what it used."""

    id = fields.BigIntField(primary_key=True)
    day = fields.DateField()
    base = text(8)
    currency = text(8)
    # Units of `currency` for one unit of `base`.
    rate = amount()
    # operator | upload | ecb
    source = text(16)
    # Who entered it; None: a job.
    created_by = reference("User", null=True)
    created_by_id: int | None
    created_at = fields.DatetimeField()
    superseded_at = fields.DatetimeField(null=True)

    class Meta:
        table = "exchange_rates"
        indexes = (Index(fields=("base", "currency", "day"), name="exchange_rates_pair"),)
