"""Single events by brand and time, which reconciling reads (X06)."""

from tortoise import migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("tributary", "0009_compaction")]

    initial = False

    operations = [
        ops.AddIndex(
            model_name="BrandEvent",
            index=Index(fields=["brand_id", "occurred_at"], name="brand_events_occurred_at"),
        ),
    ]
