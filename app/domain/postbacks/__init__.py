"""Postbacks: configuring them, planning deliveries from the log, and claiming what is due."""
