"""Banners: pictures of a brand that promos may use (O01, A06)."""
