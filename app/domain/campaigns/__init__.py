"""Campaigns and promos."""
