"""The SQL of the event log."""

INSERT_EVENT = """
INSERT INTO events (recording_id, n, type, subject_type, subject_id, actor_type, actor_id,
                    partner_id, brand_id, occurred_at, data, request_id, ip, session_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
RETURNING id
"""

SEQUENCER_LOCK = "SELECT pg_advisory_xact_lock($1)"
TRY_SEQUENCER_LOCK = "SELECT pg_try_advisory_xact_lock($1) AS mine"

# The lock is taken by the statement before this one, so this statement's snapshot sees all that the
# previous holder of the lock committed: no recording is placed twice and no position is given twice.
PLACE_RECORDINGS = """
WITH head AS (
    SELECT position, greatest(known_at, $1::timestamptz) AS known_at FROM sequence_heads WHERE id = 1
), fresh AS (
    SELECT id, row_number() OVER (ORDER BY id) AS n
    FROM (SELECT id FROM recordings WHERE position IS NULL ORDER BY id LIMIT $2) AS unplaced
), placed AS (
    UPDATE recordings SET position = head.position + fresh.n, known_at = head.known_at
    FROM fresh, head
    WHERE recordings.id = fresh.id AND recordings.position IS NULL
    RETURNING recordings.position
), counted AS (
    SELECT count(*) AS count, max(position) AS last FROM placed
)
UPDATE sequence_heads SET position = counted.last, known_at = head.known_at
FROM counted, head
WHERE sequence_heads.id = 1 AND counted.count > 0
RETURNING counted.count
"""

HEAD = "SELECT position, known_at FROM sequence_heads WHERE id = 1"

# Recordings that are placed from now on are known later than $1.
CLOSE_TIME = """
UPDATE sequence_heads SET known_at = greatest(known_at, $1::timestamptz + interval '1 microsecond') WHERE id = 1
"""
# Positions are consecutive and known_at never decreases with them: thirty rows of a thousand million are read.
POSITION_AT = """
WITH RECURSIVE search (low, high) AS (
    SELECT 0::bigint, position FROM sequence_heads WHERE id = 1
    UNION ALL
    SELECT CASE WHEN r.known_at <= $1 THEN s.middle ELSE s.low END,
           CASE WHEN r.known_at <= $1 THEN s.high ELSE s.middle - 1 END
    FROM (SELECT low, high, (low + high + 1) / 2 AS middle FROM search WHERE low < high) AS s
    JOIN recordings r ON r.position = s.middle
)
SELECT low AS position FROM search WHERE low = high
"""

READ_LOG = """
SELECT r.position, e.n, e.id, e.type, e.subject_type, e.subject_id, e.actor_type, e.actor_id,
       e.partner_id, e.brand_id, e.occurred_at, e.data, e.request_id
FROM recordings r JOIN events e ON e.recording_id = r.id
WHERE r.position > $1 AND r.position <= $2
ORDER BY r.position, e.n
"""

LAST_POSITION_WITHIN = """
SELECT max(position) AS position FROM (
    SELECT position FROM recordings WHERE position > $1 ORDER BY position LIMIT $2
) AS batch
"""

LOCK_READER = "SELECT position FROM relay_positions WHERE reader = $1 FOR UPDATE"
ADD_READER = "INSERT INTO relay_positions (reader, position) VALUES ($1, $2) ON CONFLICT DO NOTHING"
MOVE_READER = "UPDATE relay_positions SET position = $2 WHERE reader = $1"

INSERT_EVENTS = """
INSERT INTO events (recording_id, n, type, subject_type, subject_id, actor_type, actor_id,
                    partner_id, brand_id, occurred_at, data, request_id, ip, session_id)
SELECT $1, item.n, item.type, item.subject_type, item.subject_id, $2, $3,
       item.partner_id, item.brand_id, item.occurred_at, item.data, $4, $5, $6
FROM unnest($7::int[], $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::bigint[],
            $13::timestamptz[], $14::jsonb[])
     AS item(n, type, subject_type, subject_id, partner_id, brand_id, occurred_at, data)
ORDER BY item.n
"""

# One cheap question instead of a transaction per reader: the relay asks it many times a second.
PENDING_WORK = """
SELECT EXISTS (SELECT 1 FROM recordings WHERE position IS NULL) AS unplaced,
       (SELECT position FROM sequence_heads WHERE id = 1) AS head,
       ARRAY(
           SELECT COALESCE(p.position, 0)
           FROM unnest($1::text[]) WITH ORDINALITY AS wanted(reader, n)
           LEFT JOIN relay_positions p ON p.reader = wanted.reader ORDER BY wanted.n
       ) AS positions,
       (
           SELECT min(COALESCE(p.position, 0))
           FROM unnest($2::text[]) AS wanted(rollup)
           LEFT JOIN rollup_positions p ON p.rollup = wanted.rollup
       ) AS rollup
"""
