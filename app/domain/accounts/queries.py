"""The SQL of accounts."""

_USER_COLUMNS = """
u.id, u.audience, u.partner_id, u.subject_id, u.role, u.brand_ids, u.password_hash, u.totp_secret,
u.totp_pending, u.totp_last_step, u.state, u.failed_attempts, u.locked_at, u.email_confirmed_at,
p.state AS partner_state, p.name AS partner_name, p.clock_offset
"""

FIND_USER = f"""
SELECT {_USER_COLUMNS} FROM users u LEFT JOIN partners p ON p.id = u.partner_id
WHERE u.email_digest = ANY($1::text[])
"""

LOCK_USER = f"""
SELECT {_USER_COLUMNS} FROM users u LEFT JOIN partners p ON p.id = u.partner_id
WHERE u.id = $1 FOR UPDATE OF u
"""

# The rows of all active owners are locked, so that two of them cannot step down at once.
LOCK_OWNERS = """
SELECT id FROM users
WHERE audience = $1 AND partner_id IS NOT DISTINCT FROM $2 AND role = 'owner' AND state = 'active'
  AND password_hash IS NOT NULL
ORDER BY id FOR UPDATE
"""

INSERT_USER = """
INSERT INTO users (audience, partner_id, subject_id, email_digest, role, brand_ids, password_hash, state,
                   failed_attempts, language, time_zone, mail_preferences, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'active', 0, $8, $9, '{}', $10)
RETURNING id
"""

# Two of the same e-mail at once: the second waits, and then finds the first.
LOCK_EMAIL = "SELECT pg_advisory_xact_lock(hashtextextended($1, 7))"

# One statement takes the code's time step: of two requests with the same code, one finds it used (A62).
TAKE_TOTP_STEP = """
UPDATE users SET totp_last_step = $2
WHERE id = $1 AND (totp_last_step IS NULL OR totp_last_step < $2) RETURNING id
"""

STAMP_SIGN_IN = "UPDATE users SET last_sign_in_at = $2, failed_attempts = 0 WHERE id = $1"

COUNT_FAILURE = """
UPDATE users SET failed_attempts = failed_attempts + 1,
    locked_at = CASE WHEN failed_attempts + 1 >= $2 THEN $3::timestamptz END
WHERE id = $1 AND locked_at IS NULL AND state = 'active'
RETURNING locked_at IS NOT NULL AS newly_locked
"""

UNLOCK = "UPDATE users SET locked_at = NULL, failed_attempts = 0 WHERE id = $1"

INSERT_SESSION = """
INSERT INTO sessions (user_id, token_hash, client, generation, generation_at, ip, user_agent,
                      created_at, last_used_at, expires_at)
VALUES ($1, $2, $3, 0, $6, $4, $5, $6, $6, $7)
RETURNING id
"""

_SESSION_COLUMNS = """
s.id AS session_id, s.last_used_at, s.client, s.generation, s.generation_at, s.expires_at,
u.id AS user_id, u.subject_id, u.role, u.audience, u.brand_ids, u.partner_id, u.report_currency,
u.time_zone, u.language, u.mail_preferences, p.name AS partner_name, p.clock_offset, p.currency AS partner_currency
"""

_LIVE_USER = "u.state = 'active' AND (u.partner_id IS NULL OR p.state = 'active')"

FIND_SESSION = f"""
SELECT {_SESSION_COLUMNS}
FROM sessions s JOIN users u ON u.id = s.user_id LEFT JOIN partners p ON p.id = u.partner_id
WHERE s.token_hash = $1 AND s.terminated_at IS NULL AND s.expires_at > $2 AND {_LIVE_USER}
"""

FIND_NETWORK_SESSION = f"""
SELECT {_SESSION_COLUMNS}
FROM sessions s JOIN users u ON u.id = s.user_id LEFT JOIN partners p ON p.id = u.partner_id
WHERE s.client = $1 AND s.terminated_at IS NULL AND s.expires_at > $2 AND {_LIVE_USER}
"""

FIND_API_TOKEN = f"""
SELECT NULL::bigint AS session_id, t.id AS api_token_id, t.permissions, t.last_used_at,
       u.id AS user_id, u.subject_id, u.role, u.audience, u.brand_ids, u.partner_id,
       u.report_currency,
       u.time_zone, u.language, u.mail_preferences, p.name AS partner_name, p.clock_offset,
       p.currency AS partner_currency
FROM api_tokens t JOIN users u ON u.id = t.user_id LEFT JOIN partners p ON p.id = u.partner_id
WHERE t.token_hash = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2)
  AND {_LIVE_USER}
"""

TOUCH_SESSION = "UPDATE sessions SET last_used_at = $2 WHERE id = $1"
TOUCH_API_TOKEN = "UPDATE api_tokens SET last_used_at = $2 WHERE id = $1"  # noqa: S105

TERMINATE_SESSION = """
UPDATE sessions SET terminated_at = $2
WHERE id = $1 AND terminated_at IS NULL
RETURNING id, user_id, (SELECT partner_id FROM users u WHERE u.id = user_id) AS partner_id
"""
TERMINATE_ALL = """
UPDATE sessions SET terminated_at = $2
WHERE user_id = $1 AND terminated_at IS NULL AND id IS DISTINCT FROM $3 RETURNING id
"""

# One step of the token, unless another request has made it meanwhile.
NEXT_GENERATION = """
UPDATE sessions SET generation = generation + 1, generation_at = $3, last_used_at = $3
WHERE id = $1 AND generation = $2 RETURNING generation
"""

INSERT_LINK = """
INSERT INTO account_links (user_id, purpose, nonce, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5) RETURNING id
"""
FIND_LINK = """
SELECT id, user_id, purpose, nonce FROM account_links
WHERE id = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3
"""
USE_LINK = "UPDATE account_links SET used_at = $2 WHERE id = $1 AND used_at IS NULL RETURNING id"
# Asking again makes the earlier link of the same kind useless.
WITHDRAW_LINKS = """
UPDATE account_links SET used_at = $3 WHERE user_id = $1 AND purpose = $2 AND used_at IS NULL
"""

COUNT_ATTEMPT = """
INSERT INTO attempt_counters (kind, key, window_start, count) VALUES ($1, $2, $3, 1)
ON CONFLICT (kind, key, window_start) DO UPDATE SET count = attempt_counters.count + 1
RETURNING count
"""
GIVE_BACK_ATTEMPT = """
UPDATE attempt_counters SET count = count - 1
WHERE kind = $1 AND key = $2 AND window_start = $3 AND count > 0
"""
READ_ATTEMPTS = (
    "SELECT count FROM attempt_counters WHERE kind = $1 AND key = $2 AND window_start = $3"
)
DROP_OLD_ATTEMPTS = "DELETE FROM attempt_counters WHERE window_start < $1"

INSERT_RECOVERY_CODES = """
INSERT INTO recovery_codes (user_id, code_hash) SELECT $1, item FROM unnest($2::text[]) AS item
"""
DROP_RECOVERY_CODES = "DELETE FROM recovery_codes WHERE user_id = $1"
USE_RECOVERY_CODE = """
UPDATE recovery_codes SET used_at = $3
WHERE user_id = $1 AND code_hash = $2 AND used_at IS NULL RETURNING id
"""
