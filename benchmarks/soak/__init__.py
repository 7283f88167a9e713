"""Long trials: what only shows after hours."""
