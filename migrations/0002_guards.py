"""What the database itself refuses: rewriting history, half a session, a moved business day, an edited plan."""

from tortoise import migrations
from tortoise.migrations import operations as ops

_APPEND_ONLY = ("registrations", "first_deposits", "activities", "conversions")

# What the click path keeps in memory: table, key and the columns whose change concerns it.
_LINKS = {
    ("promos", "code"): ("code", "landing_id", "banner_id"),
    ("landings", "id"): ("url",),
    ("campaigns", "id"): ("state", "plan_id", "name"),
    ("partners", "id"): ("state", "code", "name"),
    ("affiliations", "partner_id"): ("state",),
    ("banners", "code"): ("code", "state"),
    ("commission_plans", "id"): ("state", "is_default"),
    ("plan_assignments", "partner_id"): ("plan_id",),
    ("brands", "id"): (
        *(
            "state",
            "main_url",
            "code",
            "name",
            "stag_parameter",
            "cookie_days",
            "time_zone",
            "clock_offset",
        ),
        *("domains", "redirect_arguments", "ignored_ips"),
    ),
}

_FORWARD = (
    """
INSERT INTO sequence_heads (id, position) VALUES (1, 0);

-- Few rows lack a position at any moment; the sequencer and the reports look for just these.
CREATE INDEX recordings_unplaced ON recordings (id) WHERE position IS NULL;
-- A recording is updated once, soon after it was inserted: leave room for that on its page.
ALTER TABLE recordings SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

CREATE INDEX postback_deliveries_due ON postback_deliveries (next_attempt_at) WHERE state = 'pending';

ALTER TABLE users ADD CONSTRAINT users_partner_of_audience
    CHECK ((audience = 'partner') = (partner_id IS NOT NULL) AND audience IN ('partner', 'staff'));
ALTER TABLE sessions ADD CONSTRAINT sessions_one_token
    CHECK (num_nonnulls(token_hash, client) = 1);
CREATE INDEX mails_due ON mails (next_attempt_at) WHERE state = 'pending';
ALTER TABLE sequence_heads ADD CONSTRAINT sequence_heads_single CHECK (id = 1);
ALTER TABLE postbacks ADD CONSTRAINT postbacks_one_scope
    CHECK (num_nonnulls(campaign_id, promo_id) <= 1);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP;
END $$;

CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER fact_changes_append_only BEFORE UPDATE OR DELETE ON fact_changes
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER visits_append_only BEFORE UPDATE OR DELETE ON visits
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER fallback_visits_append_only BEFORE UPDATE OR DELETE ON fallback_visits
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER duplicate_visits_append_only BEFORE UPDATE OR DELETE ON duplicate_visits
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER brand_fundings_append_only BEFORE UPDATE OR DELETE ON brand_fundings
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE UNIQUE INDEX exchange_rates_present ON exchange_rates (day, base, currency) WHERE superseded_at IS NULL;
-- A rate is never edited: it may only be superseded, once.
CREATE FUNCTION refuse_editing_rate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.superseded_at IS NULL AND NEW.superseded_at IS NOT NULL THEN
        OLD.superseded_at := NEW.superseded_at;
        IF OLD IS NOT DISTINCT FROM NEW THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'exchange_rates is append-only: a rate may only be superseded, once';
END $$;
CREATE TRIGGER exchange_rates_no_edit BEFORE UPDATE ON exchange_rates
    FOR EACH ROW EXECUTE FUNCTION refuse_editing_rate();
CREATE TRIGGER exchange_rates_no_delete BEFORE DELETE ON exchange_rates
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE UNIQUE INDEX coupons_code ON coupons (brand_id, lower(code)) WHERE state = 'active';
CREATE UNIQUE INDEX terms_versions_number ON terms_versions (brand_id, number) NULLS NOT DISTINCT;
CREATE UNIQUE INDEX promos_one_network ON promos (partner_id, brand_id) WHERE network;
CREATE UNIQUE INDEX brand_suspensions_one_open ON brand_suspensions (brand_id) WHERE ended_at IS NULL;
ALTER TABLE partners ADD CONSTRAINT partners_not_their_own_parent CHECK (parent_id <> id);

-- A day's first visit never changes; only the time of the last one moves.
CREATE FUNCTION refuse_rewriting_unique_visit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    OLD.last_at := NEW.last_at;
    IF OLD IS DISTINCT FROM NEW THEN
        RAISE EXCEPTION 'unique_visits is append-only: only last_at may move';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER unique_visits_no_rewrite BEFORE UPDATE ON unique_visits
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting_unique_visit();
CREATE TRIGGER unique_visits_no_delete BEFORE DELETE ON unique_visits
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION refuse_changing_published_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.published_at IS NOT NULL THEN
        RAISE EXCEPTION 'version % of the terms is published and cannot change', OLD.number;
    END IF;
    RETURN COALESCE(NEW, OLD);
END $$;
CREATE TRIGGER terms_versions_immutable BEFORE UPDATE OR DELETE ON terms_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_changing_published_terms();

-- The click path keeps links in memory; it hears of every change at once, when that commits.
CREATE FUNCTION tell_links() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Under both keys, where a change moves a row from one to the other; equal notifications are sent once.
    IF TG_OP <> 'INSERT' THEN
        PERFORM pg_notify('links', TG_TABLE_NAME || ':' || (to_jsonb(OLD) ->> TG_ARGV[0]));
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM pg_notify('links', TG_TABLE_NAME || ':' || (to_jsonb(NEW) ->> TG_ARGV[0]));
    END IF;
    RETURN NULL;
END $$;

-- The only change that a fact allows is being superseded, once.
CREATE FUNCTION refuse_rewriting_fact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.superseded_by IS NULL AND NEW.superseded_by IS NOT NULL THEN
        OLD.superseded_by := NEW.superseded_by;
        IF OLD IS NOT DISTINCT FROM NEW THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% is append-only: a row may only be superseded, once', TG_TABLE_NAME;
END $$;

CREATE FUNCTION refuse_moving_business_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.time_zone IS DISTINCT FROM OLD.time_zone AND (
        EXISTS (SELECT 1 FROM daily_rollups WHERE brand_id = OLD.id)
        OR EXISTS (SELECT 1 FROM visits WHERE brand_id = OLD.id)
        OR EXISTS (SELECT 1 FROM players WHERE brand_id = OLD.id)
    ) THEN
        RAISE EXCEPTION 'the time zone of brand % cannot change: it has facts', OLD.id;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER brands_frozen_time_zone BEFORE UPDATE ON brands
    FOR EACH ROW EXECUTE FUNCTION refuse_moving_business_day();

CREATE FUNCTION refuse_changing_published_plan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.published_at IS NOT NULL THEN
        RAISE EXCEPTION 'version % of plan % is published and cannot change', OLD.number, OLD.plan_id;
    END IF;
    RETURN COALESCE(NEW, OLD);
END $$;
CREATE TRIGGER plan_versions_immutable BEFORE UPDATE OR DELETE ON plan_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_changing_published_plan();
"""
    + "".join(
        f"""
CREATE TRIGGER {table}_no_rewrite BEFORE UPDATE ON {table}
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting_fact();
CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""
        for table in _APPEND_ONLY
    )
    + "".join(
        f"""
CREATE TRIGGER {table}_tell_links_of_rows AFTER INSERT OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION tell_links('{key}');
CREATE TRIGGER {table}_tell_links AFTER UPDATE ON {table} FOR EACH ROW
    WHEN (({", ".join(f"OLD.{column}" for column in columns)})
        IS DISTINCT FROM ({", ".join(f"NEW.{column}" for column in columns)}))
    EXECUTE FUNCTION tell_links('{key}');
"""
        for (table, key), columns in _LINKS.items()
    )
)

_BACKWARD = (
    "".join(
        f"DROP TRIGGER {table}_no_delete ON {table}; DROP TRIGGER {table}_no_rewrite ON {table};\n"
        for table in _APPEND_ONLY
    )
    + "".join(
        f"DROP TRIGGER {table}_tell_links ON {table};\nDROP TRIGGER {table}_tell_links_of_rows ON {table};\n"
        for table, _ in _LINKS
    )
    + """
DROP FUNCTION tell_links;
DROP TRIGGER terms_versions_immutable ON terms_versions;
DROP FUNCTION refuse_changing_published_terms;
DROP TRIGGER unique_visits_no_delete ON unique_visits;
DROP TRIGGER unique_visits_no_rewrite ON unique_visits;
DROP FUNCTION refuse_rewriting_unique_visit;
ALTER TABLE partners DROP CONSTRAINT partners_not_their_own_parent;
DROP INDEX brand_suspensions_one_open;
DROP INDEX promos_one_network;
DROP INDEX terms_versions_number;
DROP INDEX coupons_code;
DROP TRIGGER exchange_rates_no_delete ON exchange_rates;
DROP TRIGGER exchange_rates_no_edit ON exchange_rates;
DROP FUNCTION refuse_editing_rate;
DROP INDEX exchange_rates_present;
DROP TRIGGER brand_fundings_append_only ON brand_fundings;
DROP TRIGGER duplicate_visits_append_only ON duplicate_visits;
DROP TRIGGER fallback_visits_append_only ON fallback_visits;
DROP TRIGGER plan_versions_immutable ON plan_versions;
DROP TRIGGER brands_frozen_time_zone ON brands;
DROP TRIGGER visits_append_only ON visits;
DROP TRIGGER fact_changes_append_only ON fact_changes;
DROP TRIGGER events_append_only ON events;
DROP FUNCTION refuse_changing_published_plan;
DROP FUNCTION refuse_moving_business_day;
DROP FUNCTION refuse_rewriting_fact;
DROP FUNCTION refuse_change;
ALTER TABLE postbacks DROP CONSTRAINT postbacks_one_scope;
ALTER TABLE sequence_heads DROP CONSTRAINT sequence_heads_single;
DROP INDEX mails_due;
ALTER TABLE sessions DROP CONSTRAINT sessions_one_token;
ALTER TABLE users DROP CONSTRAINT users_partner_of_audience;
DROP INDEX postback_deliveries_due;
ALTER TABLE recordings RESET (fillfactor, autovacuum_vacuum_scale_factor);
DROP INDEX recordings_unplaced;
DELETE FROM sequence_heads;
"""
)


class Migration(migrations.Migration):
    dependencies = [("tributary", "0001_core")]

    operations = [ops.RunSQL(_FORWARD, _BACKWARD)]
