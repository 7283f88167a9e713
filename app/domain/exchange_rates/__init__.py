"""Exchange rates: entering them day by day, and finding the one that converts an amount (M40)."""
