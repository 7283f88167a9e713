"""Benchmarks: each figure that the documentation claims, as a programme that measures it again."""
