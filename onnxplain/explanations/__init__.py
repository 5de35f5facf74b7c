"""Results: attributions with their provenance."""
