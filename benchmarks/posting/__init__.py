"""What the benchmark of postbacks runs beside the product: a tracker, and a bare loop of httpx."""
