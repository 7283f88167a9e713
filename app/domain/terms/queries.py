"""The SQL of terms."""

# One draft at a time, so that numbers stay consecutive when a draft is deleted.
INSERT_DRAFT = """
INSERT INTO terms_versions (brand_id, number, body, created_at)
SELECT $1, COALESCE(max(number), 0) + 1, $2, $3 FROM terms_versions WHERE brand_id IS NOT DISTINCT FROM $1
HAVING count(*) FILTER (WHERE published_at IS NULL) = 0
RETURNING id, number
"""
LOCK = "SELECT number, body, published_at FROM terms_versions WHERE id = $1 FOR UPDATE"
EDIT = "UPDATE terms_versions SET body = $2 WHERE id = $1"
PUBLISH = "UPDATE terms_versions SET published_at = $2, effective_at = $3 WHERE id = $1"
DELETE = "DELETE FROM terms_versions WHERE id = $1"
LAST_EFFECTIVE = """
SELECT max(effective_at) AS effective_at FROM terms_versions
WHERE brand_id IS NOT DISTINCT FROM $1 AND published_at IS NOT NULL
"""
# The version in force: the last published one whose day has come. Brands that are disabled have none to accept.
PRESENT = """
SELECT t.id, t.number, t.body, t.effective_at FROM terms_versions t
WHERE t.brand_id IS NOT DISTINCT FROM $1 AND t.published_at IS NOT NULL AND t.effective_at <= $2
  AND ($1::bigint IS NULL OR EXISTS (SELECT 1 FROM brands b WHERE b.id = $1 AND b.state <> 'disabled'))
ORDER BY t.number DESC LIMIT 1
"""
# By brand, and null for the programme.
PRESENT_OF_ALL = """
SELECT DISTINCT ON (brand_id) id FROM terms_versions
WHERE published_at IS NOT NULL AND effective_at <= $1 ORDER BY brand_id, number DESC
"""
# A later version of the same terms that is in force.
SUCCESSOR = """
SELECT newer.number FROM terms_versions t
JOIN terms_versions newer ON newer.brand_id IS NOT DISTINCT FROM t.brand_id AND newer.number > t.number
WHERE t.id = $1 AND newer.published_at IS NOT NULL AND newer.effective_at <= $2
ORDER BY newer.number DESC LIMIT 1
"""
ACCEPT = """
INSERT INTO terms_acceptances (partner_id, terms_id, user_id, accepted_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (partner_id, terms_id) DO NOTHING RETURNING id
"""
SIGN_WITH_BRAND = """
UPDATE affiliations SET terms_version = $3
WHERE partner_id = $1 AND brand_id = $2 AND terms_version < $3
"""
SIGN_WITH_PROGRAMME = """
INSERT INTO partner_profiles (partner_id, tags, terms_version) VALUES ($1, '[]', $2)
ON CONFLICT (partner_id) DO UPDATE SET terms_version = $2
    WHERE COALESCE(partner_profiles.terms_version, 0) < $2
"""
# Of the programme and of the brands that it promotes or asked to: what is in force or to come, unless the partner
# accepted that version or a later one.
WAITING = """
SELECT t.id FROM terms_versions t
WHERE t.published_at IS NOT NULL
  AND (t.brand_id IS NULL OR EXISTS (
    SELECT 1 FROM affiliations a JOIN brands b ON b.id = a.brand_id AND b.state <> 'disabled'
    WHERE a.partner_id = $1 AND a.brand_id = t.brand_id AND a.state IN ('pending', 'accepted', 'suspended')))
  AND NOT EXISTS (
    SELECT 1 FROM terms_versions newer
    WHERE newer.brand_id IS NOT DISTINCT FROM t.brand_id AND newer.number > t.number
      AND newer.published_at IS NOT NULL AND newer.effective_at <= $2)
  AND NOT EXISTS (
    SELECT 1 FROM terms_acceptances accepted JOIN terms_versions v ON v.id = accepted.terms_id
    WHERE accepted.partner_id = $1 AND v.brand_id IS NOT DISTINCT FROM t.brand_id AND v.number >= t.number)
"""
