"""Brands, their keys and their offer material."""
