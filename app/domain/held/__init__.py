"""Items of brands that wait for a visit: a click journal still has it, and it comes when that is replayed (W3)."""
