"""Tributary: the open server behind an affiliate programme."""
