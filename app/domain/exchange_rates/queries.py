"""The SQL of exchange rates."""

# Rates are entered by few and rarely: one after the other, so that two never decide on what the other is changing.
# Reading goes on meanwhile.
LOCK = "LOCK TABLE exchange_rates IN SHARE ROW EXCLUSIVE MODE"
# Between two currencies a day has one present rate, in one direction or the other.
PRESENT = """
SELECT r.id, r.day, r.base, r.currency, r.rate, r.source
FROM unnest($1::date[], $2::text[], $3::text[]) AS wanted(day, base, currency)
JOIN exchange_rates r ON r.day = wanted.day AND r.superseded_at IS NULL
    AND ((r.base = wanted.base AND r.currency = wanted.currency)
        OR (r.base = wanted.currency AND r.currency = wanted.base))
"""
SUPERSEDE = "UPDATE exchange_rates SET superseded_at = $2 WHERE id = ANY($1::bigint[])"
INSERT = """
INSERT INTO exchange_rates (day, base, currency, rate, source, created_by_id, created_at)
SELECT day, base, currency, rate, $5, $6, $7
FROM unnest($1::date[], $2::text[], $3::text[], $4::numeric[]) AS given(day, base, currency, rate)
RETURNING id, day, base, currency
"""
# The pairs that have rates are found by stepping through their index, not by reading the table. Of each pair that can
# take part in an answer, the last rate of the day or before it, in either direction.
LEGS = """
WITH RECURSIVE pairs AS (
    (SELECT base, currency FROM exchange_rates ORDER BY base, currency LIMIT 1)
    UNION ALL
    SELECT following.base, following.currency FROM pairs CROSS JOIN LATERAL (
        SELECT r.base, r.currency FROM exchange_rates r
        WHERE (r.base, r.currency) > (pairs.base, pairs.currency) ORDER BY r.base, r.currency LIMIT 1
    ) AS following
), neighbours AS (
    SELECT base AS one, currency AS other FROM pairs UNION SELECT currency, base FROM pairs
), questions AS (
    SELECT * FROM unnest($1::date[], $2::text[], $3::text[]) AS asked(day, source, target)
), wanted AS (
    SELECT q.day, q.source AS one, q.target AS other FROM questions q
    UNION SELECT q.day, q.source, s.other FROM questions q
        JOIN neighbours s ON s.one = q.source JOIN neighbours t ON t.one = q.target AND t.other = s.other
    UNION SELECT q.day, q.target, s.other FROM questions q
        JOIN neighbours s ON s.one = q.source JOIN neighbours t ON t.one = q.target AND t.other = s.other
), legs AS (
    SELECT w.day, p.base, p.currency FROM wanted w JOIN pairs p ON p.base = w.one AND p.currency = w.other
    UNION SELECT w.day, p.base, p.currency FROM wanted w JOIN pairs p ON p.base = w.other AND p.currency = w.one
)
SELECT legs.day AS asked_day, found.* FROM legs CROSS JOIN LATERAL (
    SELECT r.id, r.day, r.base, r.currency, r.rate, r.source FROM exchange_rates r
    WHERE r.base = legs.base AND r.currency = legs.currency AND r.day <= legs.day AND r.superseded_at IS NULL
    ORDER BY r.day DESC LIMIT 1
) AS found
"""
