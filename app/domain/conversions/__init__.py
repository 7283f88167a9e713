"""Conversions: single sales and leads."""
