"""Rollups: folding facts into sums, position by position."""
