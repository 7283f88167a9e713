"""Partners, for operators: reading, approving, blocking, notes, affiliations."""
