"""Several models on the same data."""
