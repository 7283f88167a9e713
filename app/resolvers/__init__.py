"""Batching and loading for GraphQL: (scope, plain values) in, models and domain values out."""
