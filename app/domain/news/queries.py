"""The SQL of news."""

INSERT = """
INSERT INTO news_articles (brand_id, title, body, created_at) VALUES ($1, $2, $3, $4) RETURNING id
"""
LOCK = "SELECT title, body, published_at FROM news_articles WHERE id = $1 FOR UPDATE"
EDIT = "UPDATE news_articles SET title = $2, body = $3 WHERE id = $1"
SET_PUBLISHED = "UPDATE news_articles SET published_at = $2 WHERE id = $1"
FORGET_READINGS = "DELETE FROM news_readings WHERE article_id = $1"
DELETE = "DELETE FROM news_articles WHERE id = $1"
MARK_READ = """
INSERT INTO news_readings (user_id, article_id, read_at)
SELECT $1, unnest($2::bigint[]), $3 ON CONFLICT (user_id, article_id) DO NOTHING
"""
