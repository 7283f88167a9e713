"""Mails: planned from events, kept as rows until the mail server has taken them (decision 6)."""
