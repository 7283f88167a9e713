"""Tests of users, sessions, tokens, links and teams."""
