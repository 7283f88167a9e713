"""Adapters to the world outside the process: database, clock, crypto, Redis, outgoing HTTP, embedded servers."""
