"""Reports: the registry of metrics and groupings, the specification, and the one compiler (decision 7)."""
