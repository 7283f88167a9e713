"""Tests of planning mails, and a mail server on loopback."""
