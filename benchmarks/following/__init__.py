"""What the benchmark of tracking links runs: four servers and a load."""
