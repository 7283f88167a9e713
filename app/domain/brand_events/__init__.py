"""Single events of brands: what happened, one by one, each taken once by its id (W3)."""
