"""Running totals of an open day may be thinned out: history's triggers allow it to the one that says so (decision 2).

Only functions change, so no table is locked.
"""

from tortoise import migrations
from tortoise.migrations import operations as ops

_FORWARD = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('tributary.compacting', true) = 'on' THEN
        -- Partitions have names of their own.
        IF TG_OP = 'DELETE' AND TG_TABLE_NAME ~ '^activities(_|$)'
            AND to_jsonb(OLD) ->> 'superseded_by' IS NOT NULL THEN
            RETURN OLD;
        END IF;
        IF TG_TABLE_NAME = 'fact_changes' AND to_jsonb(OLD) ->> 'fact' = 'activities' THEN
            RETURN COALESCE(NEW, OLD);
        END IF;
    END IF;
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP;
END $$;

CREATE OR REPLACE FUNCTION refuse_rewriting_fact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.superseded_by IS NOT NULL AND (
        OLD.superseded_by IS NULL
        OR (current_setting('tributary.compacting', true) = 'on' AND TG_TABLE_NAME ~ '^activities(_|$)')
    ) THEN
        OLD.superseded_by := NEW.superseded_by;
        IF OLD IS NOT DISTINCT FROM NEW THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% is append-only: a row may only be superseded, once', TG_TABLE_NAME;
END $$;
"""

_BACKWARD = """
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP;
END $$;

CREATE OR REPLACE FUNCTION refuse_rewriting_fact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.superseded_by IS NULL AND NEW.superseded_by IS NOT NULL THEN
        OLD.superseded_by := NEW.superseded_by;
        IF OLD IS NOT DISTINCT FROM NEW THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% is append-only: a row may only be superseded, once', TG_TABLE_NAME;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("tributary", "0008_intake_events")]

    operations = [ops.RunSQL(_FORWARD, _BACKWARD)]
