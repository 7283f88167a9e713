from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("tributary", "0002_guards")]

    initial = False

    operations = [
        ops.CreateModel(
            name="IntakeSignature",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("brand_id", fields.BigIntField()),
                ("webhook_id", fields.CharField(max_length=256)),
                ("signed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "intake_signatures",
                "app": "tributary",
                "unique_together": (("brand_id", "webhook_id", "signed_at"),),
                "indexes": [Index(fields=["signed_at"], name="intake_signatures_signed_at")],
                "pk_attr": "id",
                "table_description": "A signed request that was taken: the same one is not taken again while its time is near (W3).",
            },
            bases=["TenantModel"],
        ),
    ]
