"""Documents that partners upload for review (A67, O20)."""
