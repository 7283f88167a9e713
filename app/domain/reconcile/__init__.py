"""Reconciling: a brand compares its own numbers with what is counted here (X06)."""
