"""Which metrics a brand reports in which way, and players that operators move to another promo (W3, M03)."""

from typing import Any

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

_FORWARD = 'ALTER TABLE player_moves DROP CONSTRAINT "uid_player_move_player__249b83"'
_BACKWARD = """
ALTER TABLE player_moves
    ADD CONSTRAINT "uid_player_move_player__249b83" UNIQUE (player_id, effective_day)
"""


class _ForgetConstraint(ops.RemoveConstraint):
    """What the model loses; the table does by the statement that follows."""

    async def database_forward(self, *_: Any, **__: Any) -> None:
        return None

    async def database_backward(self, *_: Any, **__: Any) -> None:
        return None


class Migration(migrations.Migration):
    dependencies = [("tributary", "0011_postback_player_index")]

    initial = False

    operations = [
        ops.CreateModel(
            name="MetricReport",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("brand_id", fields.BigIntField()),
                ("metric", fields.CharField(max_length=64)),
                ("source", fields.CharField(max_length=16)),
                ("reported_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "metric_reports",
                "app": "tributary",
                "unique_together": (("brand_id", "metric", "source"),),
                "pk_attr": "id",
                "table_description": "That a brand reports a metric in one of the two ways, whether it counts or not; and when it last did.",
            },
            bases=["TenantModel"],
        ),
        _ForgetConstraint(
            model_name="PlayerMove",
            name=None,
            fields=["player_id", "effective_day"],
        ),
        ops.RunSQL(_FORWARD, _BACKWARD),
        ops.AddField(
            model_name="PlayerMove",
            name="cancelled_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddIndex(
            model_name="PlayerMove",
            index=Index(fields=["player_id", "effective_day"], name="player_moves_player_id"),
        ),
    ]
