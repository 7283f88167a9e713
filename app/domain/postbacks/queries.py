"""The SQL of configuring postbacks."""

LOCK_PARTNER = "SELECT id FROM partners WHERE id = $1 FOR NO KEY UPDATE"
COUNT_POSTBACKS = (
    "SELECT count(*) AS count FROM postbacks WHERE partner_id = $1 AND state <> 'deleted'"
)
INSERT_POSTBACK = """
INSERT INTO postbacks
    (partner_id, campaign_id, promo_id, action, url, state, created_at, method, unresolved, active_since)
VALUES ($1, $2, $3, $4, $5, 'active', $6, $7, $8, $9) RETURNING id
"""
LOCK_POSTBACK = """
SELECT id, partner_id, campaign_id, promo_id, action, url, method, unresolved, state, disabled_by, state_reason,
       failing_since
FROM postbacks WHERE id = $1 FOR UPDATE
"""
EDIT_POSTBACK = """
UPDATE postbacks SET action = $2, url = $3, method = $4, unresolved = $5, active_since = $6, failing_since = NULL
WHERE id = $1
"""
DELETE_POSTBACK = "UPDATE postbacks SET state = 'deleted' WHERE id = $1"
DISABLE_POSTBACK = """
UPDATE postbacks SET state = 'disabled', disabled_by = $2, state_reason = $3 WHERE id = $1
"""
ENABLE_POSTBACK = """
UPDATE postbacks SET state = 'active', disabled_by = NULL, state_reason = NULL, failing_since = NULL,
    active_since = $2
WHERE id = $1
"""
# What a worker is sending at this moment is finished by it.
CANCEL_PENDING = """
UPDATE postback_deliveries SET state = 'cancelled'
WHERE postback_id = $1 AND state = 'pending' RETURNING id
"""
