"""The SQL of contacts."""

INSERT = """
INSERT INTO contacts (brand_id, name, position, email, phone, messenger, sort_order, created_at)
VALUES ($1, $2, $3, $4, $5, $6,
        (SELECT COALESCE(max(sort_order), 0) + 1 FROM contacts WHERE brand_id IS NOT DISTINCT FROM $1), $7)
RETURNING id
"""
LOCK = """
SELECT name, position, email, phone, messenger FROM contacts WHERE id = $1 FOR UPDATE
"""
EDIT = """
UPDATE contacts SET name = $2, position = $3, email = $4, phone = $5, messenger = $6 WHERE id = $1
"""
# In the order of their ids, so that two operators who sort at once do not wait for each other in a circle.
LOCK_MANY = "SELECT id FROM contacts WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE"
SORT = """
UPDATE contacts SET sort_order = wanted.place
FROM unnest($1::bigint[]) WITH ORDINALITY AS wanted(id, place) WHERE contacts.id = wanted.id
"""
DELETE = "DELETE FROM contacts WHERE id = $1 RETURNING id"
PERSONAL_MANAGER = """
SELECT u.subject_id FROM partner_profiles p JOIN users u ON u.id = p.manager_id
WHERE p.partner_id = $1 AND u.state = 'active'
"""
