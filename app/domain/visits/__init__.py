"""Visits: what a tracking link leads to, and the durable record of each click."""
