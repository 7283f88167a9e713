"""The change feed: every change to past figures, with before, after, who and why (X03)."""
