"""The SQL of accounts."""

# One statement takes the code's time step: of two requests with the same code, one finds it used (A62).
TAKE_TOTP_STEP = {
    "partner_user": """
UPDATE partner_users SET totp_last_step = $2
WHERE id = $1 AND (totp_last_step IS NULL OR totp_last_step < $2) RETURNING id
""",
    "operator_user": """
UPDATE operator_users SET totp_last_step = $2
WHERE id = $1 AND (totp_last_step IS NULL OR totp_last_step < $2) RETURNING id
""",
}

STAMP_SIGN_IN = {
    "partner_user": "UPDATE partner_users SET last_sign_in_at = $2 WHERE id = $1",
    "operator_user": "UPDATE operator_users SET last_sign_in_at = $2 WHERE id = $1",
}

INSERT_SESSION = """
INSERT INTO sessions (token_hash, partner_user_id, operator_user_id, ip, user_agent,
                      created_at, last_used_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $6, $7)
RETURNING id
"""

FIND_PARTNER_SESSION = """
SELECT s.id AS session_id, u.id AS user_id, u.email, u.name, u.role, u.partner_id,
       p.name AS partner_name, p.clock_offset
FROM sessions s
JOIN partner_users u ON u.id = s.partner_user_id
JOIN partners p ON p.id = u.partner_id
WHERE s.token_hash = $1 AND s.terminated_at IS NULL AND s.expires_at > $2
  AND u.state = 'active' AND p.state = 'active'
"""

FIND_OPERATOR_SESSION = """
SELECT s.id AS session_id, u.id AS user_id, u.email, u.name, u.role, u.brand_ids
FROM sessions s JOIN operator_users u ON u.id = s.operator_user_id
WHERE s.token_hash = $1 AND s.terminated_at IS NULL AND s.expires_at > $2 AND u.state = 'active'
"""

TERMINATE_SESSION = """
UPDATE sessions SET terminated_at = $2
WHERE token_hash = $1 AND terminated_at IS NULL RETURNING id
"""
