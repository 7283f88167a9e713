"""Real clients from npm against a really running server."""
