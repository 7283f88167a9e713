"""Commission plans, their versions and the terms that a version holds (M10 to M1C, A09, O01)."""
