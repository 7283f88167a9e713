"""Contacts: whom partners may write to (A69)."""
