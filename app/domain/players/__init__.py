"""Players: registration and attribution."""
