"""Tests of partners as operators see them, and of affiliations."""
