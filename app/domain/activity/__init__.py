"""Activity: what players did in an interval, as brands report it."""
